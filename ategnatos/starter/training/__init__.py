"""Training of LoRAs on the starter model: the same networks run backwards, in numpy alone.

``tape`` runs a network and remembers, ``gradients`` holds the derivatives, ``adapters`` the
pairs that are trained, ``optimizer`` moves them, ``course`` puts the steps together, ``states``
keeps what an interrupted training goes on from, ``lora_file`` writes what is used afterwards.
"""
