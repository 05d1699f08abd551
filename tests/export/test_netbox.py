"""What NetBox gets: device types that its library's rules allow, tables that fit each other."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from arkwright import catalog, design, factory
from arkwright.catalog.bodies import device_bodies
from arkwright.design.network import network
from arkwright.export import Design, export
from export import readers

SCHEMA = json.loads((Path(__file__).parent / "device-type.schema.json").read_text())
FACTORY = """
factory: f
sites:
  narvik:
    location: {latitude: 68.4, longitude: 17.4}
    halls: {h1: {system: %s, racks: 2}}
"""


def written(system):
    found = factory.loads((FACTORY % system).encode())
    plan = design.blueprint(found)
    made = Design(factory=found, plan=plan, network=network(found, plan))
    return {path: "".join(pieces) for path, pieces in export("netbox", made).items()}


@pytest.mark.parametrize("system", list(catalog.systems()))
def test_every_device_type_is_what_the_library_takes(system):
    types = {path: text for path, text in written(system).items() if path.endswith(".yaml")}
    assert len(types) >= 6
    for path, text in types.items():
        found = yaml.safe_load(text)
        jsonschema.validate(found, SCHEMA)
        assert path == f"device-types/{found['manufacturer']}/{found['slug']}.yaml"
        assert text.startswith("---\n")


def test_the_schema_would_see_a_fault():
    found = {"manufacturer": "a", "model": "b", "slug": "B", "u_height": 1, "is_full_depth": True}
    with pytest.raises(jsonschema.ValidationError, match="does not match"):
        jsonschema.validate(found, SCHEMA)


def test_every_system_has_a_body():
    assert set(catalog.systems()) <= set(device_bodies())


def test_two_racks_of_gb300():
    """36 trays; 36 x 4 compute NICs, 36 x 2 storage ports, one management port each."""
    files = written("gb300-nvl72")
    tray = yaml.safe_load(files["device-types/NVIDIA/nvidia-gb300-nvl72-compute-tray.yaml"])
    names = [port["name"] for port in tray["interfaces"]]
    assert names == [*(f"compute-{n}" for n in range(1, 5)), "storage-1", "storage-2",
                     "out-of-band-1"]  # fmt: skip
    # 142 kW over 18 trays.
    assert tray["power-ports"] == [{"name": "power", "type": "other", "maximum_draw": 7889}]
    devices = readers.table(files["07-devices.csv"])
    assert [row["name"] for row in devices[:2]] == ["narvik-h1-r001-t01", "narvik-h1-r001-t02"]
    assert {row["position"] for row in devices if row["role"] == "node"} == {""}
    cables = readers.table(files["08-cables.csv"])
    mine = [row for row in cables if row["side_a_device"] == "narvik-h1-r001-t01"]
    assert sorted(row["side_a_name"] for row in mine) == sorted(names)
    (site,) = readers.table(files["04-sites.csv"])
    assert (site["latitude"], site["longitude"]) == ("68.4", "17.4")


def test_a_feed_carries_its_rack_at_the_usual_utilisation():
    """142 kW at 415 V, power factor 0.98: 201.6 A; over 80 % of a feed, 252 A."""
    feeds = readers.table(written("gb300-nvl72")["10-power-feeds.csv"])
    assert (feeds[0]["rack"], feeds[0]["amperage"], feeds[0]["max_utilization"]) == (
        "r001",
        "252",
        "80",
    )
