import type { Observer } from 'rxjs'

type Callback = (argument: never) => void
type Given<A> = Partial<Observer<A>> | ((value: A) => void) | null | undefined

/**
 * The observer given to `subscribe`, with each of its callbacks guarded. What RxJS itself passes in (`pipe` does) has rules of
 * its own and goes on as it is.
 */
export const guardObserver = <A>(
  given: Given<A>,
  more: readonly (Callback | null | undefined)[],
  threw: (error: unknown) => void,
): Partial<Observer<A>> => {
  if (isSubscriber(given)) return given
  // The deprecated form of RxJS: three functions, the second and third of these types.
  const [error, complete] = more as readonly [((error: unknown) => void)?, (() => void)?]
  const observer: Partial<Observer<A>> =
    typeof given === 'object' && given !== null
      ? given
      : { ...(given && { next: given }), ...(error && { error }), ...(complete && { complete }) }
  const guarded = (call: () => void): void => {
    try {
      call()
    } catch (thrown) {
      threw(thrown)
    }
  }
  return {
    next: (value) => guarded(() => observer.next?.(value)),
    complete: () => guarded(() => observer.complete?.()),
    // Without an `error` callback RxJS throws at the process; the app has said in its log why it failed.
    error: (thrown: unknown) => guarded(() => observer.error?.(thrown)),
  }
}

/** RxJS's own: an observer that is a subscription too. */
const isSubscriber = <A>(given: Given<A>): given is Partial<Observer<A>> =>
  typeof given === 'object' && given !== null && 'add' in given && 'unsubscribe' in given && 'next' in given
