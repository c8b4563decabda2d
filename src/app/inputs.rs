//! Inputs at work: which zone plays them, and when. What is decided of that is decided in `zone::Visit`.

use std::io;
use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_util::sync::CancellationToken;

use crate::api::InputEntry;
use crate::clock::Clock;
use crate::config::{InputPlan, Plan, Start};
use crate::live::{InputEvent, InputHandle, InputSpec, Inputs};
use crate::media::MediaRequest;
use crate::renderer::live_didl;
use crate::zone::{OpenMedia, Track, Visit, ZoneHandle};

/// An input by its number in the plan, and what it tells.
pub(super) type Told = (usize, InputEvent);

/// Listens to the plan's inputs from now on; what they tell comes out of the channel.
pub(super) fn start(
    plan: &Plan,
    clock: &Arc<dyn Clock>,
) -> io::Result<(Inputs, UnboundedReceiver<Told>)> {
    let specs = plan.inputs.iter().map(|input| InputSpec {
        name: input.name.clone(),
        capture: input.capture.clone(),
        stop_after: input.stop_after,
        buffer: input.buffer,
    });
    // Unbounded, because whoever listens must not wait; it is told a few times an hour.
    let (tell, told) = unbounded_channel();
    let on_event = move |index, event| {
        // A program that ends listens no more.
        let _ended = tell.send((index, event));
    };
    Ok((Inputs::start(specs.collect(), clock, on_event)?, told))
}

/// What may sound at any moment must be heard at once: its outputs stay open.
pub(super) fn keep_outputs_open(plan: &mut Plan) {
    for input in &plan.inputs {
        let Some(zone) = plan.zones.get(input.zone) else {
            continue;
        };
        for &output in &zone.outputs {
            if let Some(output) = plan.outputs.get_mut(output) {
                output.kept_open |= input.start == Start::OnSound;
            }
        }
    }
}

/// Opens inputs by their own addresses, and all else as before.
pub(super) fn opening(inputs: &[InputHandle], otherwise: OpenMedia) -> OpenMedia {
    let inputs = inputs.to_vec();
    Arc::new(
        move |request, waker| match inputs.iter().find(|input| input.uri() == request.uri) {
            Some(input) => input.open(waker),
            None => otherwise(request, waker),
        },
    )
}

/// The inputs for the API.
pub(super) fn entries(plan: &Plan, inputs: &Inputs) -> Vec<InputEntry> {
    let inputs = plan.inputs.iter().zip(inputs.handles());
    let entry = |(input, handle): (&InputPlan, &InputHandle)| InputEntry {
        handle: handle.clone(),
        source: input.capture.to_string(),
        zone: input.zone,
        track: Arc::new(track(handle)),
    };
    inputs.map(entry).collect()
}

/// An input as apps see it.
fn track(input: &InputHandle) -> Track {
    let uri = input.uri();
    Track {
        metadata: live_didl(input.name(), &uri),
        title: input.name().to_owned(),
        request: MediaRequest {
            uri,
            titled: true,
            ..MediaRequest::default()
        },
        ..Track::default()
    }
}

/// Has zones play the inputs that begin by themselves, as long as they sound.
pub(super) async fn host(
    plan: Plan,
    handles: Vec<InputHandle>,
    zones: Vec<ZoneHandle>,
    mut told: UnboundedReceiver<Told>,
    stop: CancellationToken,
) {
    let mut visits: Vec<_> = handles
        .iter()
        .map(|input| Visit::new(track(input)))
        .collect();
    loop {
        let (index, event) = tokio::select! {
            () = stop.cancelled() => return,
            Some(told) = told.recv() => told,
            else => return,
        };
        let (Some(input), Some(visit)) = (plan.inputs.get(index), visits.get_mut(index)) else {
            continue;
        };
        let Some(zone) = zones.get(input.zone) else {
            continue;
        };
        if input.start == Start::Manual {
            continue;
        }
        let zone_name = plan.zones.get(input.zone).map(|zone| zone.name.as_str());
        let commands = match event {
            InputEvent::Sounds => {
                tracing::info!(input = %input.name, zone = zone_name, "it sounds, and is played");
                visit.begin(&zone.state())
            }
            InputEvent::Silent => {
                tracing::info!(input = %input.name, zone = zone_name, "it is silent");
                visit.end(&zone.state())
            }
        };
        for command in commands {
            if let Err(error) = zone.send(command).await {
                tracing::warn!(input = %input.name, zone = zone_name, "{error}");
            }
        }
    }
}
