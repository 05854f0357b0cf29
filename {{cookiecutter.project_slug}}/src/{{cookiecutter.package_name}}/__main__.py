"""`python -m {{ cookiecutter.package_name }}` is the command line."""

from .cli import main

main()
