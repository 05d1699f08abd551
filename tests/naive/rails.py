"""Rails once more: the same block of GPUs on every node of the gang."""


def block(shape, number):
    wide = shape.gpu_milli // 1000
    return range(number * wide, number * wide + wide)


def blocks(factory, shape):
    """Numbers of the blocks to try; just one that says nothing when rails do not matter."""
    if not shape.rails:
        return [0]
    return range(max(node.total[0] for node in factory.nodes) // shape.gpu_milli)


def has(shape, gpus, number):
    """Whether a node with these free GPUs can give the block."""
    wanted = block(shape, number)
    return wanted.stop <= len(gpus) and all(gpus[gpu] == 1000 for gpu in wanted)


def common(factory, shape, gpus, nodes):
    for number in blocks(factory, shape):
        if all(has(shape, gpus[node], number) for node in nodes):
            return number
    return None
