"""Values as Python has them, and as the library does. The generated module calls this."""


def native(value):
    return value[0] if hasattr(value, "_values") else None


def lowered(value, types):
    # A truth value is a number too in Python: it is asked for first.
    if value is None:
        return types.NULL()
    if isinstance(value, bool):
        return types.BOOLEAN(value)
    if isinstance(value, int):
        return types.INTEGER(value)
    if isinstance(value, float):
        return types.FLOAT(value)
    if isinstance(value, str):
        return types.TEXT(value)
    raise TypeError(f"a value is a str, int, float, bool or None, and not {type(value).__name__}")


def native_attributes(attributes):
    return {name: native(value) for name, value in attributes.items()}


def lowered_attributes(attributes, types):
    return {name: lowered(value, types) for name, value in attributes.items()}


def native_row(row):
    return [native(value) for value in row]


def lowered_row(row, types):
    return [lowered(value, types) for value in row]
