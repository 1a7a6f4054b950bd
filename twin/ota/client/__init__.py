"""The update client of every site: what it waits for, downloads, installs, boots on trial, and keeps or gives back.

``ports`` says what it needs of others, ``client`` is what the run calls, ``machine`` what a site does about one
event, ``slots`` the flash of its ECUs, ``wan`` the line to the server, ``incidents`` what may befall it.
"""
