"""The GIMP plug-in: reads a layer, has the backend paint it, and adds the result as a new layer.

Runs in GIMP's own Python (3.10 or later) with PyGObject, and with pyzmq where there is one that fits. Importing
`procedure` imports neither pyzmq nor the dialog: GIMP does that at every start.
"""
