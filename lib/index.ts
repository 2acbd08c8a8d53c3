/* ------------------------------------------------------------------- words */
export type { Duration } from './core/duration.js'
export type { KHeaders, KHeadersInit } from './core/headers.js'
export type { Fn, KRecord, Meta, Windowed } from './core/record.js'

/* ------------------------------------------------------------------ codecs */
export { codec } from './core/codec.js'
export type { Codec, Decoder, Encoder, StandardSchema } from './core/codec.js'

/* ------------------------------------------------------------------ topics */
export { topic } from './topology/topic.js'
export type { Topic, TopicOptions, TopicSink, TopicSource } from './topology/topic.js'

/* ----------------------------------------------------------------- windows */
export { calendar, hopping, session, sliding, tumbling } from './window/windows.js'
export type { FixedWindows, SessionWindows } from './window/windows.js'
export type { WindowOptions } from './window/timing.js'
export type { CalendarOptions, CalendarUnit } from './window/calendar.js'

/* -------------------------------------------------------------- aggregates */
export { agg } from './table/aggregators.js'
export type { Aggregator, Mean, Mergeable, Reversible } from './table/aggregator.js'

/* ------------------------------------------------------ streams and tables */
export type {
  GlobalTable,
  JoinWindow,
  KCogroup,
  KeyedState,
  KGroup,
  KSession,
  KStream,
  KTable,
  KTableGroup,
  KWindowed,
  Pipeline,
  Processor,
  ProcessorContext,
  StoreOptions,
  Stores,
  TableJoinOptions,
} from './dsl/surface.js'
export type { MapAsyncOptions } from './operators/map-async.js'
export type { BatchSink } from './operators/to-sink.js'
export type { Change } from './table/changes.js'

/* --------------------------------------------------------------------- app */
export { createApp } from './runtime/app.js'
export type { App, AppConfig, AppState, Logger, NewRecord, RestoreProgress, Tuning } from './dsl/surface.js'
export type { StreamOptions } from './topology/node.js'
export type { Topology } from './topology/describe.js'
export type { Compression } from './transport/batch/compression.js'

/* ------------------------------------------------------------------ errors */
export { policy } from './topology/policy.js'
export type { ErrorPolicy, Failure, Stage } from './topology/policy.js'
export { MillraceError, isMillraceError } from './core/errors.js'
export type { ErrorCode } from './core/errors.js'
