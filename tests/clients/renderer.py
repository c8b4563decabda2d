"""A renderer as async_upnp_client sees it in strict mode, and how the scripts here tell what they saw.

They print facts, one JSON object in a line; the tests that started them judge."""

import asyncio
import json
import logging
from contextlib import asynccontextmanager

from async_upnp_client.aiohttp import AiohttpNotifyServer, AiohttpRequester
from async_upnp_client.client_factory import UpnpFactory
from async_upnp_client.profiles.dlna import DmrDevice

# What is waited for is there within this many seconds, or the script fails; it is far more than it takes.
PATIENCE = 20


def say(fact, **details):
    """Prints a fact."""
    print(json.dumps({"fact": fact, **details}), flush=True)


class Complaints(logging.Handler):
    """Makes a fact of everything that the library finds worth a warning."""

    def emit(self, record):
        say("complaint", text=f"{record.name}: {record.getMessage()}")


async def until(what, reached):
    """Waits until it is so; `what` is for the message if it never is."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while not reached():
        if asyncio.get_running_loop().time() > deadline:
            raise TimeoutError(f"never {what}")
        await asyncio.sleep(0.01)


@asynccontextmanager
async def found(address, name):
    """Searches from `address`, and opens the renderer called `name` and a server for its events."""
    logging.getLogger().addHandler(Complaints(logging.WARNING))
    requester = AiohttpRequester(timeout=10)
    factory = UpnpFactory(requester, non_strict=False)
    notify = AiohttpNotifyServer(requester, source=(address, 0))
    await notify.async_start_server()
    try:
        for answer in await DmrDevice.async_search(source=(address, 0), timeout=2):
            device = await factory.async_create_device(answer["location"])
            if device.friendly_name == name:
                say("found", **{key.lower(): str(value) for key, value in answer.items() if not key.startswith("_")})
                yield DmrDevice(device, notify.event_handler)
                return
        raise LookupError(f"nobody is called {name!r}")
    finally:
        await notify.async_stop_server()


async def polled(renderer, service, action, **arguments):
    """What an action answers, by the names of the state variables, without telling the library."""
    action = renderer._service(service).action(action)
    answer = await action.async_call(**arguments)
    return {argument.related_state_variable.name: answer[argument.name] for argument in action.out_arguments()}


def evented(renderer, service, variable):
    """What the library believes of a variable."""
    return renderer._state_variable(service, variable).value
