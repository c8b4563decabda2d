"""strict_profile.py ADDRESS NAME FIRST SECOND

Takes the renderer called NAME through everything that Home Assistant can ask of one, from the host ADDRESS, with two songs.
It judges only what it has to wait for; everything else it says, and the test that started it judges."""

import asyncio
import sys
from datetime import timedelta

from async_upnp_client.profiles.dlna import DmrDevice, TransportState
from async_upnp_client.utils import str_to_time

from renderer import evented, found, polled, say, until


async def ask_everything(renderer):
    """Calls whatever only asks. In strict mode a value that the service's description does not allow is an exception."""
    answered = []
    for service in renderer.profile_device.all_services:
        for action in service.actions.values():
            if action.name.startswith(("Get", "List")):
                known = {"InstanceID": 0, "Channel": "Master", "ConnectionID": 0}
                await action.async_call(**{argument.name: known[argument.name] for argument in action.in_arguments()})
                answered.append(action.name)
    say("asked", actions=sorted(answered))


async def position(renderer):
    """Where it is in the song, in seconds."""
    answer = await polled(renderer, "AVT", "GetPositionInfo", InstanceID=0)
    return str_to_time(answer["RelativeTimePosition"]).seconds


async def volume(renderer):
    for level, mute in [(0.37, True), (0.0, False), (1.0, False), (0.42, False)]:
        await renderer.async_set_volume_level(level)
        await renderer.async_mute_volume(mute)
        await until(
            f"told of {level} and {mute}",
            lambda: renderer.volume_level == level and renderer.is_volume_muted == mute,
        )


async def play(renderer, first, second):
    states = []

    def note(_service, variables):
        states.extend(variable.value for variable in variables if variable.name == "TransportState")

    renderer.on_event = note

    async def reach(state):
        await until(state, lambda: renderer.transport_state == state)

    metadata = await renderer.construct_play_media_metadata(first, 'Tom & "Jerry" <ü>')
    await renderer.async_set_transport_uri(first, "First", metadata)
    await renderer.async_wait_for_can_play()
    await renderer.async_play()
    await reach(TransportState.PLAYING)
    await until("told of the title and the length", lambda: renderer.media_title and renderer.media_duration)
    say("playing", title=renderer.media_title, duration=renderer.media_duration, uri=renderer.current_track_uri)

    await renderer.async_pause()
    await reach(TransportState.PAUSED_PLAYBACK)
    await renderer.async_seek_rel_time(timedelta(seconds=90))
    say("sought", position=await position(renderer), state=renderer.transport_state)
    say("paused", can_play=renderer.can_play, can_seek=renderer.can_seek_rel_time)
    await renderer.async_play()
    await reach(TransportState.PLAYING)
    await renderer.async_seek_abs_time(timedelta(seconds=30))
    say("sought", position=await position(renderer), state=renderer.transport_state)

    await renderer.async_set_next_transport_uri(second, "Second", await renderer.construct_play_media_metadata(second, "Second"))
    await until("offered the next song", lambda: renderer.can_next)
    say("next", uri=evented(renderer, "AVT", "NextAVTransportURI"))
    await renderer.async_next()
    await until("told of another song", lambda: renderer.current_track_uri != first and renderer.media_duration)
    say("playing", title=renderer.media_title, duration=renderer.media_duration, uri=renderer.current_track_uri)
    await renderer.async_previous()
    await renderer.async_stop()
    await reach(TransportState.STOPPED)
    say("states", states=states)
    renderer.on_event = None


async def subscriptions(renderer):
    before = sorted(renderer._subscriptions)
    await renderer.async_subscribe_services()
    say("renewed", before=before, after=sorted(renderer._subscriptions))
    await renderer.async_set_volume_level(0.5)
    await until("told of 0.5", lambda: renderer.volume_level == 0.5)

    handler = renderer._event_handler
    for sid in before:
        await handler.async_unsubscribe(sid)
    renderer._subscriptions.clear()
    heard = []
    renderer.on_event = lambda service, variables: heard.append(service.service_id)
    await renderer.async_set_volume_level(0.6)
    await asyncio.sleep(0.7)
    say("unsubscribed", heard=heard, believed=renderer.volume_level)


async def main():
    address, name, first, second = sys.argv[1:]
    async with found(address, name) as renderer:
        say(
            "profile",
            is_renderer=DmrDevice.is_profile_device(renderer.device),
            sink=len((await renderer.async_get_protocol_info())["sink"]),
            has=[name.removeprefix("has_") for name in dir(renderer) if name.startswith("has_") and getattr(renderer, name)],
        )
        await ask_everything(renderer)
        await renderer.async_subscribe_services()
        await until("told the first state", lambda: None not in (renderer.transport_state, renderer.volume_level))
        await until("told the formats", lambda: renderer.sink_protocol_info)
        say("subscribed", state=renderer.transport_state)
        await renderer.async_update()
        await volume(renderer)
        await play(renderer, first, second)
        await ask_everything(renderer)
        await subscriptions(renderer)
    say("done")


asyncio.run(main())
