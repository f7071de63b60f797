"""Recipes: what a kind of asset is made from, frozen, with a few levers that a caller may move.

``model`` is what a recipe is, ``reading`` how a file becomes one (every problem named at once),
``shelf`` where they lie and what the record knows of them, ``binding`` the levers and their hash,
``vocabulary`` the kinds, levers, engine keys and asset formats as data, ``origin`` which recipe,
binding and output kind a job or candidate comes from.

How a job tells its recipe: ``origin.of(job)`` gives an :class:`~.origin.Origin` (None for a job
that no recipe made): ``recipe_id``, ``binding`` (the 16 hex digits of the levers), ``levers``,
``engine_key``, ``output_kind``, ``child``, and ``recipe_sha256``, the hash of the recipe as it was
then. The file lies at ``workspace/outputs/<recipe_id>/<binding>/<engine_key>/<child>.png``.
``job.binding`` is another thing: the identity of that one output. ``origin.finals(candidates)``
leaves out the concepts, which a person approved only for the step that follows.
``shelf.load(project, recipe_id)`` gives the :class:`~.model.Recipe` with its ``locked`` fields
(``composition_mode``, ``anchor_offsets``), and ``vocabulary.of(project).asset_format_of(
output_kind)`` the file that an output of it becomes.
"""
