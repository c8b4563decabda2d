"""long_session.py ADDRESS NAME SECONDS SONG…

Listens to songs of SECONDS each as somebody does who cannot decide, and after each step holds what the events have told against
what the renderer says when asked."""

import asyncio
import sys
from datetime import timedelta

from async_upnp_client.profiles.dlna import TransportState
from async_upnp_client.utils import str_to_time

from renderer import evented, found, polled, say, until

# As long as an event may be on its way: two a fifth of a second apart, and a busy machine. In seconds.
STALE = 3


async def differences(renderer):
    """What is believed and is not so: variable, believed, true."""
    answers = {
        "AVT": [("GetTransportInfo", {}), ("GetMediaInfo", {}), ("GetPositionInfo", {}), ("GetCurrentTransportActions", {})],
        "RC": [("GetVolume", {"Channel": "Master"}), ("GetMute", {"Channel": "Master"})],
    }
    found = []
    for service, actions in answers.items():
        for action, arguments in actions:
            for variable, true in (await polled(renderer, service, action, InstanceID=0, **arguments)).items():
                # Where it is in the song is never told.
                if variable.endswith("Position"):
                    continue
                believed = evented(renderer, service, variable)
                if believed != true:
                    found.append((variable, believed, true))
    return found


class Session:
    def __init__(self, renderer, length):
        self.renderer = renderer
        self.length = length
        self.steps = 0
        self.stale = []
        self.slowest = 0.0

    async def step(self, what, action, state):
        """Does something, waits for the state that it leads to, and compares."""
        await action
        now = asyncio.get_running_loop().time
        begun = now()
        self.steps += 1
        while (wrong := await differences(self.renderer)) or self.renderer.transport_state != state:
            if now() > begun + STALE:
                self.stale.append({"step": what, "wanted": state, "is": self.renderer.transport_state, "wrong": wrong})
                break
            await asyncio.sleep(0.01)
        self.slowest = max(self.slowest, now() - begun)

    async def at(self, seconds, more=15):
        """Whether it is there in the song, to a second, or a little later."""
        answer = await polled(self.renderer, "AVT", "GetPositionInfo", InstanceID=0)
        position = str_to_time(answer["RelativeTimePosition"]).seconds
        if not seconds - 1 <= position <= seconds + more:
            self.stale.append({"step": "position", "wanted": seconds, "is": position})

    async def song(self, song, next_song, volume):
        """One song from beginning to end, with all that can be done to it; the next one begins by itself."""
        renderer, playing, paused = self.renderer, TransportState.PLAYING, TransportState.PAUSED_PLAYBACK

        def seek(seconds):
            return renderer.async_seek_rel_time(timedelta(seconds=seconds))

        await self.step("volume", renderer.async_set_volume_level(volume), playing)
        await self.step("seek", seek(self.length / 3), playing)
        await self.at(self.length // 3)
        await self.step("pause", renderer.async_pause(), paused)
        await self.step("mute", renderer.async_mute_volume(True), paused)
        await self.step("seek in a pause", seek(self.length / 2), paused)
        await self.at(self.length // 2, more=0)
        await self.step("resume", renderer.async_play(), playing)
        await self.step("unmute", renderer.async_mute_volume(False), playing)
        metadata = await renderer.construct_play_media_metadata(next_song, f"After {song}")
        await self.step("queue", renderer.async_set_next_transport_uri(next_song, next_song, metadata), playing)
        await self.step("seek to the end", seek(self.length - 1), playing)
        await until("in the next song", lambda: renderer.current_track_uri == next_song)
        await self.step("the next song", asyncio.sleep(0), playing)
        await self.at(0)


async def main():
    address, name, length, *songs = sys.argv[1:]
    length = int(length)
    async with found(address, name) as renderer:
        await renderer.async_subscribe_services()
        await renderer.async_update()
        session = Session(renderer, length)
        metadata = await renderer.construct_play_media_metadata(songs[0], songs[0])
        await session.step("set", renderer.async_set_transport_uri(songs[0], songs[0], metadata), TransportState.STOPPED)
        await session.step("play", renderer.async_play(), TransportState.PLAYING)
        for index, song in enumerate(songs[:-1]):
            await session.song(song, songs[index + 1], volume=(10 + 7 * index) / 100)
            # As often as a client of today renews within half an hour, and more.
            await renderer.async_subscribe_services()
        await session.step("stop", renderer.async_stop(), TransportState.STOPPED)
        await session.step("again", renderer.async_play(), TransportState.PLAYING)
        await session.step("another", renderer.async_set_transport_uri(songs[0], songs[0], metadata), TransportState.PLAYING)
        await session.step("end", renderer.async_stop(), TransportState.STOPPED)
        say("session", steps=session.steps, stale=session.stale, slowest=session.slowest, listened=length * (len(songs) - 1))
        await renderer.async_unsubscribe_services()
    say("done")


asyncio.run(main())
