"""input.py ADDRESS NAME PIPE SONG

Follows the renderer called NAME from the host ADDRESS while an input of it begins to sound, a song is cast over it, the input falls
silent, sounds again, and falls silent again. PIPE is where the input reads. What is seen is said, and the test judges."""

import asyncio
import math
import struct
import sys
import threading

from async_upnp_client.profiles.dlna import TransportState

from renderer import evented, found, say, until

RATE = 44_100


class Sound:
    """A tone that is written into the pipe, as fast as it is taken, until it is told to end."""

    def __init__(self, path):
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._write, args=(path,))
        self._thread.start()

    def _write(self, path):
        tone = [int(8000 * math.sin(math.tau * 441 * frame / RATE)) for frame in range(RATE // 10)]
        piece = b"".join(struct.pack("<hh", sample, sample) for sample in tone)
        with open(path, "wb", buffering=0) as pipe:
            while not self._ended.is_set():
                pipe.write(piece)

    async def end(self):
        self._ended.set()
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)


def seen(renderer):
    return {
        "state": renderer.transport_state,
        "title": renderer.media_title,
        "uri": renderer.current_track_uri,
        "set": evented(renderer, "AVT", "AVTransportURI"),
        "can_seek": renderer.can_seek_rel_time,
        "can_stop": renderer.can_stop,
        "kind": renderer.media_class,
        "duration": renderer.media_duration,
    }


async def main():
    address, name, path, song = sys.argv[1:]
    async with found(address, name) as renderer:
        states = []

        def note(_service, variables):
            states.extend(variable.value for variable in variables if variable.name == "TransportState")

        renderer.on_event = note
        await renderer.async_subscribe_services()
        await until("told the first state", lambda: evented(renderer, "AVT", "TransportState"))
        say("before", **seen(renderer))

        async def reach(state):
            await until(state, lambda: renderer.transport_state == state)

        sound = Sound(path)
        await reach(TransportState.PLAYING)
        say("sounding", **seen(renderer))

        await renderer.async_set_transport_uri(song, "Song", await renderer.construct_play_media_metadata(song, "Song"))
        await renderer.async_play()
        await until("the song", lambda: renderer.current_track_uri == song and renderer.transport_state == TransportState.PLAYING)
        # The input sounds on, and then is silent for longer than it takes to be let go.
        await asyncio.sleep(1)
        await sound.end()
        await asyncio.sleep(2.5)
        say("cast over it", **seen(renderer))

        await renderer.async_stop()
        await reach(TransportState.STOPPED)
        sound = Sound(path)
        await reach(TransportState.PLAYING)
        say("sounding again", **seen(renderer))
        await sound.end()
        await reach(TransportState.STOPPED)
        await until("what was there before", lambda: evented(renderer, "AVT", "AVTransportURI") == song)
        say("silent again", **seen(renderer))
        say("states", states=states)
    say("done")


asyncio.run(main())
