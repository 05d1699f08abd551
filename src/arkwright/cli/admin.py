"""`arkwright admin`: what owners do."""

from __future__ import annotations

import click

from arkwright.cli.connection import client_options, connect
from arkwright.cli.show import show_json


@click.group(short_help="Users and their tokens")
def admin() -> None:
    """Run the factory: users and their tokens."""


@admin.group()
def user() -> None:
    """Users and their tokens."""


@user.command()
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(("member", "owner")),
    default="member",
    show_default=True,
    help="Owners run the factory; members use it.",
)
@click.option("--project", help="The member's organisation or organisation/project.")
@client_options
def add(name: str, role: str, project: str | None, factory: str | None, is_json: bool) -> None:
    """Add a user, or give one a new token. The token is shown this once and stored nowhere."""
    with connect(factory) as client:
        made = client.add_user(name, role=role, project=project)
    if is_json:
        show_json(made)
        return
    where = f" of {project}" if project else ""
    click.echo(f"{role} {name}{where}; the token, shown only now:")
    click.echo(f"export ARKWRIGHT_TOKEN={made['token']}")
