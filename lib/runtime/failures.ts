import type { Clock } from '../core/clock.js'
import { MillraceError, toError, type ErrorCode } from '../core/errors.js'
import { plainRaw, UndecodableError } from '../core/record.js'
import type { Verdict } from '../topology/operator.js'
import type { ErrorPolicy, Failure, Stage } from '../topology/policy.js'
import type { FailedRecord } from './failed-record.js'
import type { DeadLetters } from './dead-letters.js'
import type { Logger } from './logger.js'

const codeOfStage: Readonly<Record<Stage, ErrorCode>> = {
  decode: 'MR_DECODE',
  process: 'MR_PROCESS',
  produce: 'MR_PRODUCE',
  sink: 'MR_SINK',
}

/** Puts failures to the policies of the user. One per app. */
export class Failures {
  constructor(
    private readonly options: {
      readonly policyOf: (topic: string) => ErrorPolicy
      readonly deadLetters: DeadLetters
      readonly clock: Clock
      readonly logger: Logger
      readonly stop: (error: Error) => void
      readonly onFailure: (stage: Stage) => void
    },
  ) {}

  handle(given: FailedRecord): Verdict {
    const failed = asDecodeFailure(given)
    const { origin } = failed
    const failure: Failure = {
      stage: failed.stage,
      operator: failed.operator,
      error: failed.error,
      record: plainRaw(origin),
      attempt: failed.attempt,
    }
    this.options.onFailure(failed.stage)
    const decision = this.decided(failure, origin)
    if (decision === null) return { _tag: 'stop' }
    switch (decision._tag) {
      case 'Retry':
        return { _tag: 'retry', afterMs: decision.afterMs }
      case 'Skip':
        this.options.logger.warn({ ...whereOf(failed), error: failed.error.message }, 'record skipped')
        return { _tag: 'drop' }
      case 'DeadLetter': {
        const error = this.options.deadLetters.publish(failed, decision.topic, decision.consecutive)
        if (error) this.options.stop(error)
        return { _tag: error ? 'stop' : 'drop' }
      }
      case 'Fail':
        this.options.stop(describeFailure(failed))
        return { _tag: 'stop' }
      default:
        return unreachable(decision)
    }
  }

  /** Null: the policy itself has thrown, and the app fails of it. */
  private decided(failure: Failure, { topic, partition, offset }: FailedRecord['origin']): Decision | null {
    try {
      return decide(this.options.policyOf(topic), failure)
    } catch (thrown) {
      const what = `the error policy threw over ${topic}-${partition}@${offset}: ${toError(thrown).message}`
      this.options.stop(new MillraceError('MR_CONFIG', what, { cause: thrown }))
      return null
    }
  }
}

/** A value is decoded when a verb asks for it; that it cannot be is not the verb's failure. */
const asDecodeFailure = (failed: FailedRecord): FailedRecord =>
  failed.error instanceof UndecodableError
    ? { ...failed, stage: 'decode', operator: failed.origin.topic, error: toError(failed.error.cause) }
    : failed

type Decision =
  | { readonly _tag: 'Retry'; readonly afterMs: number }
  | { readonly _tag: 'Skip' }
  | { readonly _tag: 'DeadLetter'; readonly topic: string | null; readonly consecutive: number }
  | { readonly _tag: 'Fail' }

/** A retry that is used up hands over to what it names, which counts its attempts on. */
export const decide = (policy: ErrorPolicy, failure: Failure, before = 0): Decision => {
  switch (policy._tag) {
    case 'Fail':
    case 'Skip':
    case 'DeadLetter':
      return policy
    case 'Retry':
      if (failure.attempt - before <= policy.times) return { _tag: 'Retry', afterMs: policy.backoffMs }
      return decide(policy.then, failure, before + policy.times)
    case 'When':
      return decide(policy.test(failure) ? policy.then : policy.otherwise, failure, before)
  }
}

const whereOf = ({ stage, operator, origin }: FailedRecord) => ({
  stage,
  operator,
  topic: origin.topic,
  partition: origin.partition,
  offset: origin.offset,
})

/** The error that fails the app: the code of what happened, and where. */
export const describeFailure = (failed: FailedRecord): MillraceError => {
  const { error, origin, operator, stage } = failed
  const code = error instanceof MillraceError ? error.code : codeOfStage[stage]
  const what = error instanceof MillraceError ? error.summary : error.message
  return new MillraceError(code, `${operator} could not take ${origin.topic}-${origin.partition}@${origin.offset}: ${what}`, {
    cause: error,
  })
}

const unreachable = (decision: never): never => {
  throw new Error(`no such decision: ${JSON.stringify(decision)}`)
}
