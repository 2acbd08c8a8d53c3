import { headersFrom, type KHeadersInit } from '../core/headers.js'
import { MillraceError } from '../core/errors.js'
import type { Meta } from '../core/record.js'
import type { AnyRec, PerRecord } from '../topology/operator.js'
import { perRecord, settled } from './per-record.js'
import type { TimerClock } from './timers.js'

export interface EmitOptions {
  readonly timestamp?: number | undefined
  readonly headers?: KHeadersInit | undefined
}
export interface TimerOptions {
  readonly name?: string | undefined
  readonly clock?: TimerClock | undefined
}

/* eslint-disable @typescript-eslint/no-explicit-any -- the surface types a processor by its stores; here they are erased */
export interface AnyProcessor {
  readonly name: string
  onRecord(value: any, meta: Meta<any>, context: any): void
  onTimer?(key: any, timer: TimerEvent, context: any): void
}
/* eslint-enable @typescript-eslint/no-explicit-any */
export interface TimerEvent {
  readonly name: string
  readonly at: number
  readonly clock: TimerClock
}

/** What a context hands on to. */
interface Port {
  readonly streamTime: number
  storeOf(name: string): unknown
  emit(value: unknown, options: EmitOptions): void
  setTimer(at: number, options?: TimerOptions): void
  cancelTimer(options?: TimerOptions): void
}

/** As `ProcessorContext` of the surface. */
export const contextOf = (port: Port, now: () => number) =>
  Object.freeze({
    store: (name: string) => port.storeOf(name),
    emit: (value: unknown, options: EmitOptions = {}) => port.emit(value, options),
    setTimer: (at: number, options?: TimerOptions) => port.setTimer(at, options),
    cancelTimer: (options?: TimerOptions) => port.cancelTimer(options),
    get streamTime() {
      return port.streamTime
    },
    get now() {
      return now()
    },
  })

export const emitted = (processor: string, record: AnyRec, value: unknown, { timestamp, headers }: EmitOptions): AnyRec => {
  const valued = record.withValue(value)
  const timed = timestamp === undefined ? valued : valued.withTimestamp(checkedTime(timestamp, `emit of processor ${processor}`))
  return headers === undefined ? timed : timed.withHeaders(headersFrom(headers))
}

export const checkedTime = (time: number, what: string): number => {
  if (Number.isFinite(time) && time >= 0) return time
  throw new MillraceError('MR_TIMESTAMP', `${what} was given the time ${String(time)}`)
}

/** A processor that keeps nothing: records pass as they come, whatever their key. Its stream time is that of the task's life. */
export const processStateless = (processor: AnyProcessor): PerRecord => {
  const { name } = processor
  const refuse = (what: string) => (): never => {
    throw new MillraceError('MR_CONFIG', `processor ${name} ${what}`)
  }
  return {
    ...perRecord(name, () => undefined),
    emitsMany: true,
    open: (task) => {
      let streamTime = -1
      return (record, emit) => {
        streamTime = Math.max(streamTime, record.timestamp)
        const port: Port = {
          streamTime,
          storeOf: refuse('has declared no stores'),
          emit: (value, options) => emit(emitted(name, record, value, options)),
          setTimer: refuse('sets a timer and has no onTimer'),
          cancelTimer: refuse('cancels a timer and has no onTimer'),
        }
        const context = contextOf(port, () => task.clock.now())
        settled(processor.onRecord(record.value, record, context), name)
      }
    },
  }
}
