"""The option that writes what is printed today into the scenario files, for a reviewer to read."""


def pytest_addoption(parser):
    parser.addoption(
        "--rewrite", action="store_true", help="write today's output into the scenario files"
    )
