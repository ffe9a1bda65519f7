def register_stand_in(name, f):
    pass
