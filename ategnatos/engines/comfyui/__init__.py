"""The ComfyUI engine: ``client`` runs a graph and brings what it makes, ``graph`` builds, checks
and converts graphs, ``engine`` makes both an engine of the studio.
"""
