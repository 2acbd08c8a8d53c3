import fc from 'fast-check'
import { codec } from '../../lib/core/codec.js'
import type { KStream, KTable } from '../../lib/dsl/surface.js'
import { parentsOf } from '../../lib/topology/node.js'
import { partitionCounts, userTopics } from '../../lib/topology/partitions.js'
import type { Plan } from '../../lib/topology/plan.js'
import { topic } from '../../lib/topology/topic.js'
import { fakeApp } from '../dsl/fake-app.js'

const named = (name: string) => topic(name, { key: codec.string, value: codec.string })
const verbs = ['filter', 'keyBy', 'merge', 'join', 'leftJoin', 'count', 'repartition', 'through', 'split', 'tap', 'toStream'] as const
const program = fc.array(fc.tuple(fc.constantFrom(...verbs), fc.nat(9), fc.nat(9)), { minLength: 1, maxLength: 15 })
type Program = readonly (readonly [(typeof verbs)[number], number, number])[]

/** Any app at all: each step takes some stream there is, and some table, and names what it makes after itself. */
const planOf = (steps: Program): Plan => {
  const { builder, plan } = fakeApp()
  const streams: KStream<string, string>[] = ['a', 'b', 'c'].map((name) => builder.stream(named(name)))
  const tables: KTable<string, string>[] = [builder.table(named('rows'))]
  const pick = <A>(all: readonly A[], n: number): A => all[n % all.length] as A // never empty
  steps.forEach(([verb, n, m], i) => {
    const stream = pick(streams, n)
    const table = pick(tables, m)
    // A name for what may need one: two derivations may well be equal here.
    const keyed = () => stream.keyBy((value) => value, codec.string, { name: `k${i}` })
    if (verb === 'filter') streams.push(stream.filter(() => true))
    if (verb === 'keyBy') streams.push(keyed())
    if (verb === 'merge') streams.push(stream.mergeWith(pick(streams, m)))
    if (verb === 'join') streams.push(keyed().join(table, (value) => value))
    if (verb === 'leftJoin') streams.push(keyed().leftJoin(table, (value) => value))
    if (verb === 'count') tables.push(keyed().toTable({ name: `t${i}` }))
    if (verb === 'repartition') streams.push(stream.repartition({ name: `r${i}` }))
    if (verb === 'through') streams.push(stream.through(named(`through${i}`)))
    if (verb === 'split') streams.push(stream.split({ some: () => true }).some)
    if (verb === 'tap') stream.tap(() => undefined)
    if (verb === 'toStream') streams.push(table.toStream().filter((value) => value !== null))
  })
  streams.at(-1)?.toTopic(named('out'))
  return plan()
}
const check = (law: (plan: Plan) => void) =>
  fc.assert(
    fc.property(program, (steps) => law(planOf(steps))),
    { numRuns: 300 },
  )

describe('every plan', () => {
  it('has each topic as the input of one sub-topology, which its name says', () => {
    check(({ subTopologies }) => {
      const inputs = subTopologies.flatMap((sub) => sub.inputs.map(({ topic: name }) => name))
      expect(new Set(inputs).size).toBe(inputs.length)
      expect(subTopologies.every((sub) => sub.inputs.some(({ topic: name }) => name === sub.name))).toBe(true)
    })
  })
  it('writes every repartition topic in one sub-topology, and reads it in one', () => {
    check(({ subTopologies }) => {
      const written = subTopologies.flatMap((sub) => sub.writes.map(({ topic: name }) => name))
      const read = subTopologies.flatMap((sub) => sub.inputs.filter(({ options }) => options === null).map(({ topic: name }) => name))
      expect([...read].sort()).toEqual([...written].sort())
    })
  })
  it('has within a sub-topology all that a node needs, before it', () => {
    check(({ subTopologies }) => {
      for (const { nodes, writes } of subTopologies) {
        for (const [i, node] of nodes.entries()) {
          const needed = [
            ...(node.kind === 'repartition' ? [] : parentsOf(node).map((port) => port.node)),
            ...(node.kind === 'operator' ? node.reads : []),
          ]
          expect(needed.every((other) => nodes.slice(0, i).includes(other))).toBe(true)
        }
        expect(writes.every(({ node }) => nodes.includes(node.parents[0].node))).toBe(true)
      }
    })
  })
  it('gives co-partitioned inputs one number of partitions, where the sources have one', () => {
    check((plan) => {
      const found = new Map(userTopics(plan).map(({ name }) => [name, { name, partitions: 3, isCompacted: false }]))
      expect([...new Set(partitionCounts(plan, found).values())]).toEqual([3])
    })
  })
})
