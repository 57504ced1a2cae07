"""What the demo is made of: the server it starts, the data repository, the traffic, and how it is
told.
"""
