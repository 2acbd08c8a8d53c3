/** How many results each turn of the event loop has seen. */
export const watchTurns = () => {
  const perTurn: number[] = [0]
  const state = { isOver: false }
  const next = (): void => {
    perTurn.push(0)
    if (!state.isOver) setImmediate(next)
  }
  setImmediate(next)
  const saw = (): void => void perTurn.push((perTurn.pop() ?? 0) + 1)
  return { perTurn, saw, end: () => (state.isOver = true) }
}
