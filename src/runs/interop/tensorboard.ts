/**
 * A run as an event file that TensorBoard reads: training curves and metrics as scalars, settings as hyper-parameters. The messages are those
 * of tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto and tensorboard/plugins/hparams/plugin_data.proto;
 * field numbers stand beside their names.
 */
import { join } from 'node:path';
import { writeFileAtomically } from '../../files/atomic-file.ts';
import { Message } from '../../files/protobuf-message.ts';
import { tfRecord } from '../../files/tf-record.ts';
import type { RunFacts } from './run-facts.ts';

/** Writes `<folder>/<run id>/events.out.tfevents.…`. @returns its path. @throws CacheWriteError when the disk refuses. */
export function writeTensorboard(folder: string, facts: RunFacts): string {
  const path = join(folder, facts.id, `events.out.tfevents.${Math.floor(facts.startedMs / 1000)}.pipe`);
  writeFileAtomically(path, tensorboardEvents(facts), { flush: false });
  return path;
}

/** The whole file. */
export function tensorboardEvents(facts: RunFacts): Uint8Array {
  const started = facts.startedMs / 1000;
  const ended = facts.endedMs / 1000;
  const curves = Object.entries(facts.curves).flatMap(([stage, history]) =>
    history.flatMap(({ epoch, ...values }) =>
      Object.entries(values).flatMap(([name, value]) =>
        typeof value === 'number' ? [scalar(ended, epoch, `${stage}/${name}`, value)] : [],
      ),
    ),
  );
  const metrics = Object.entries(facts.metrics).flatMap(([stage, values]) =>
    Object.entries(values).map(([name, value]) => scalar(ended, 0, `${stage}/${name}`, value)),
  );
  const events = [
    // Event: wall_time 1, step 2, file_version 3, summary 5.
    new Message().double(1, started).text(3, 'brain.Event:2'),
    sessionStart(facts, started),
    ...curves,
    ...metrics,
    sessionEnd(facts, ended),
  ];
  return Buffer.concat(events.map((event) => tfRecord(event.bytes())));
}

/** Summary: value 1. Summary.Value: tag 1, simple_value 2. */
function scalar(time: number, step: number, tag: string, value: number): Message {
  const summary = new Message().message(1, new Message().text(1, tag).float(2, value));
  const event = new Message().double(1, time);
  // proto3 leaves a zero out.
  return (step === 0 ? event : event.integer(2, step)).message(5, summary);
}

/** SessionStartInfo: hparams 1 (a map: key 1, value 2), group_name 4, start_time_secs 5. */
function sessionStart({ params, id }: RunFacts, started: number): Message {
  const info = new Message();
  for (const [name, value] of Object.entries(params))
    info.message(1, new Message().text(1, name).message(2, protobufValue(value)));
  return hparams(
    started,
    '_hparams_/session_start_info',
    new Message().message(3, info.text(4, id).double(5, started)),
  );
}

/** google.protobuf.Value: number 2, string 3, bool 4. */
function protobufValue(value: string | number | boolean): Message {
  if (typeof value === 'number') return new Message().double(2, value);
  return typeof value === 'string' ? new Message().text(3, value) : new Message().integer(4, Number(value));
}

/** SessionEndInfo: status 1 (SUCCESS 1, FAILURE 2), end_time_secs 2. */
function sessionEnd({ succeeded }: RunFacts, ended: number): Message {
  const info = new Message().integer(1, succeeded ? 1 : 2).double(2, ended);
  return hparams(ended, '_hparams_/session_end_info', new Message().message(4, info));
}

/**
 * HParamsPluginData stands as the content of a summary's metadata. Summary.Value: tag 1, tensor 8, metadata 9; SummaryMetadata:
 * plugin_data 1; PluginData: plugin_name 1, content 2. The tensor (TensorProto: dtype 1, shape 2, float_val 5) is a zero that nobody reads.
 */
function hparams(time: number, tag: string, data: Message): Message {
  const metadata = new Message().message(1, new Message().text(1, 'hparams').message(2, data));
  const shape = new Message().message(2, new Message().integer(1, 1));
  const tensor = new Message().integer(1, 1).message(2, shape).raw(5, new Uint8Array(4));
  const value = new Message().text(1, tag).message(8, tensor).message(9, metadata);
  return new Message().double(1, time).message(5, new Message().message(1, value));
}
