"""What a training's log says about its health: pure, without processes and without a clock.

``monitor`` takes a trainer's events and the machine's vitals and answers with findings; ``curve``
keeps each step on the disk, so that a monitor can be built anew from it. One file a judgement.
"""
