"""BlueZ without a radio: python-dbusmock's template of it, and what that lacks to be paired with and connected to.

Run by the tests with the address of a bus in DBUS_SYSTEM_BUS_ADDRESS. Each line of standard input is an order, a list in JSON; each
is answered by a line on standard output, and what others do is told there too, as it happens.
"""

import json
import sys
import time

import dbus
import dbus.mainloop.glib
import dbus.service
from dbusmock import mockobject
from dbusmock.templates import bluez5
from gi.repository import GLib

ADAPTER = bluez5.ADAPTER_IFACE
DEVICE = bluez5.DEVICE_IFACE
BATTERY = "org.bluez.Battery1"
AUDIO_SINK = "0000110b-0000-1000-8000-00805f9b34fb"
# A loudspeaker, by its class.
LOUDSPEAKER = 0x240414
# An error that is none of BlueZ's: no answer comes for so many seconds.
SILENCE = "silence"

# What each device answers to a method: its address and the method -> name and message of an error.
answers = {}
# Devices that are heard once somebody looks around: adapter, address, name, "heard".
around = []


def tell(**fact):
    print(json.dumps(fact), flush=True)


def path_of(adapter, address):
    return f"/org/bluez/{adapter}/dev_{address.replace(':', '_')}"


def mocked(path):
    return mockobject.objects[path]


def change(mock, interface, **properties):
    """Changes truths and other D-Bus values, and tells everybody."""
    truths = {key: dbus.Boolean(value) for key, value in properties.items() if isinstance(value, bool)}
    mock.UpdateProperties(interface, {**properties, **truths})


def devices(address):
    end = f"/dev_{address.replace(':', '_')}"
    return [it for path, it in mockobject.objects.items() if path.endswith(end)]


def refuse(device, method):
    """Raises what this device is to answer to the method, if it is to refuse."""
    address = str(device.props[DEVICE]["Address"])
    tell(did=method, address=address)
    name, message = answers.get((address, method), (None, None))
    if name == SILENCE:
        time.sleep(float(message))
        name, message = "org.bluez.Error.Failed", "too late"
    if name:
        raise dbus.exceptions.DBusException(message, name=name)


def connect(device):
    refuse(device, "Connect")
    if device.props[DEVICE]["Connected"]:
        raise dbus.exceptions.DBusException("Already connected", name="org.bluez.Error.AlreadyConnected")
    change(device, DEVICE, Connected=True)


def disconnect(device):
    tell(did="Disconnect", address=str(device.props[DEVICE]["Address"]))
    change(device, DEVICE, Connected=False)


def pair(device):
    if not mocked("/org/bluez").agent_paths:
        raise dbus.exceptions.DBusException("No agent", name="org.bluez.Error.AuthenticationFailed")
    refuse(device, "Pair")
    change(device, DEVICE, Paired=True)


def start_discovery(adapter):
    if not adapter.props[ADAPTER]["Powered"]:
        raise dbus.exceptions.DBusException("Resource Not Ready", name="org.bluez.Error.NotReady")
    bluez5.StartDiscovery(adapter)
    name = adapter.path.rsplit("/", 1)[1]
    for entry in [it for it in around if it[0] == name]:
        around.remove(entry)
        add_device(*entry)


def add_adapter(name, alias):
    path = mocked("/").AddAdapter(name, alias)
    mocked(path).AddMethod(ADAPTER, "StartDiscovery", "", "", start_discovery)


def add_device(adapter, address, name, state):
    path = mocked("/").AddDevice(adapter, address, name)
    device = mocked(path)
    for method, code in [("Connect", connect), ("Disconnect", disconnect), ("Pair", pair)]:
        device.AddMethod(DEVICE, method, "", "", code)
    if state == "paired":
        # What is only remembered has no strength of signal.
        del device.props[DEVICE]["RSSI"]
    services = dbus.Array([AUDIO_SINK], signature="s")
    change(device, DEVICE, Paired=state == "paired", UUIDs=services, Class=dbus.UInt32(LOUDSPEAKER))


def battery(address, percent):
    for device in devices(address):
        device.AddProperty(BATTERY, "Percentage", dbus.Byte(percent))


def visitor(adapter, address, name):
    """Somebody else tries to pair with this machine, as a phone does that has found it; says whether that worked."""
    props = mocked(f"/org/bluez/{adapter}").props[ADAPTER]
    manager = mocked("/org/bluez")
    if not (props["Discoverable"] and props["Pairable"] and manager.default_agent):
        return False
    add_device(adapter, address, name, "heard")
    path = path_of(adapter, address)
    agents = [owner for owner in bus.list_names() if owner.startswith(":")]
    for owner in agents:
        # The template does not note whose agent it is.
        agent = dbus.Interface(bus.get_object(owner, manager.default_agent, introspect=False), "org.bluez.Agent1")
        try:
            agent.RequestConfirmation(dbus.ObjectPath(path), dbus.UInt32(123456), timeout=5)
        except dbus.exceptions.DBusException as error:
            if error.get_dbus_name() in ("org.bluez.Error.Rejected", "org.bluez.Error.Canceled"):
                return False
            continue
        change(mocked(path), DEVICE, Paired=True)
        return True
    return False


def visit(adapter, address, name):
    # The agent is another program's, which needs answers of ours before it can give its own.
    GLib.timeout_add(10, lambda: tell(visited=visitor(adapter, address, name)) and False)


def link(address, connected):
    for device in devices(address):
        change(device, DEVICE, Connected=connected)


def state(address):
    return [
        {key: bool(it.props[DEVICE][key]) for key in ("Paired", "Trusted", "Connected")}
        for it in devices(address)
    ]


def adapter_state(adapter):
    props = mocked(f"/org/bluez/{adapter}").props[ADAPTER]
    return {key: bool(props[key]) for key in ("Discoverable", "Pairable", "Discovering")}


ORDERS = {
    "adapter": add_adapter,
    "remove": lambda name: mocked("/").RemoveAdapterWithDevices(name),
    "power": lambda name, on: change(mocked(f"/org/bluez/{name}"), ADAPTER, Powered=on),
    "device": add_device,
    "around": lambda *entry: around.append(entry),
    "battery": battery,
    "connected": link,
    "answer": lambda address, method, *error: answers.update({(address, method): error}),
    "answer well": lambda address, method: answers.pop((address, method), None),
    "visit": visit,
    "state": state,
    "adapter state": adapter_state,
}


def order(source, _condition):
    line = source.readline()
    if not line:
        loop.quit()
        return False
    name, *arguments = json.loads(line)
    try:
        tell(answer=ORDERS[name](*arguments))
    except Exception:
        loop.quit()
        raise
    return True


dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
bus = dbus.SystemBus()
bus_name = dbus.service.BusName(bluez5.BUS_NAME, bus, do_not_queue=True)
main = mockobject.DBusMockObject(bus_name, "/", mockobject.OBJECT_MANAGER_IFACE, {}, "/dev/null", True)
mockobject.objects["/"] = main
main.AddTemplate("bluez5", {})
loop = GLib.MainLoop()
GLib.io_add_watch(sys.stdin, GLib.IO_IN | GLib.IO_HUP, order)
tell(ready=True)
loop.run()
