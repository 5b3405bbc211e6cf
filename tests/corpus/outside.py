def cases(k):
    pass
