import type { Outline, OutlineStep, OutlineSubTopology } from './outline.js'

/** A flowchart: topics are rounded and shared by the sub-topologies they connect, stores are cylinders. */
export const toMermaid = ({ app, subTopologies, globals }: Outline): string => {
  const topics = new Names('t')
  const tables = new Names('g')
  const bodies = subTopologies.map((sub) => subTopology(sub, topics, tables))
  return [
    '---',
    `title: ${app}`,
    '---',
    'flowchart TD',
    ...topics.entries().map(([topic, id]) => `  ${id}([${quoted(topic)}])`),
    ...globals.map(({ name }) => `  ${tables.of(name)}[(${quoted(name)})]`),
    ...bodies.flatMap(({ inside }) => inside),
    ...bodies.flatMap(({ edges }) => edges),
    '',
  ].join('\n')
}

interface Drawn {
  readonly inside: readonly string[]
  readonly edges: readonly string[]
}

const subTopology = ({ index, steps }: OutlineSubTopology, topics: Names, tables: Names): Drawn => {
  const ids = new Names(`s${index}n`)
  const stores = new Names(`s${index}d`)
  const inside: string[] = []
  const edges: string[] = []
  for (const step of steps) {
    const id = step.kind === 'verb' || step.kind === 'merge' ? ids.of(step.id) : topicId(step, topics, ids)
    if (step.kind === 'verb' || step.kind === 'merge') inside.push(`    ${id}[${quoted(step.id)}]`)
    for (const from of step.from) edges.push(`  ${ids.of(from.id)} -->${from.branch === null ? '' : `|${quoted(from.branch)}|`} ${id}`)
    if (step.kind !== 'verb') continue
    for (const { name } of step.stores) {
      inside.push(`    ${stores.of(name)}[(${quoted(name)})]`)
      edges.push(`  ${id} --- ${stores.of(name)}`)
    }
    for (const name of step.reads) {
      const table = name.startsWith('global ') ? tables.of(name.slice('global '.length)) : stores.of(name)
      edges.push(`  ${table} -.-> ${id}`)
    }
  }
  return { inside: [`  subgraph s${index}[${quoted(`sub-topology ${index}`)}]`, ...inside, '  end'], edges }
}

/** A source is its topic; what follows it comes from there. A sink is one too. */
const topicId = (step: OutlineStep & { readonly topic: string | null }, topics: Names, ids: Names): string => {
  const id = topics.of(step.topic ?? '(by record)')
  if (step.from.length === 0) ids.set(step.id, id)
  return id
}

const quoted = (text: string): string => `"${text.replaceAll('"', '#quot;')}"`

/** Mermaid's ids take no dots or dashes at will, so things are numbered where they are drawn. */
class Names {
  private readonly ids = new Map<string, string>()

  constructor(private readonly prefix: string) {}

  of(name: string): string {
    const known = this.ids.get(name)
    if (known !== undefined) return known
    const id = `${this.prefix}${this.ids.size}`
    this.ids.set(name, id)
    return id
  }
  set(name: string, id: string): void {
    this.ids.set(name, id)
  }
  entries(): readonly (readonly [name: string, id: string])[] {
    return [...this.ids]
  }
}
