import { MillraceError } from '../core/errors.js'

/*
 * Whatever lives on a disk or in a broker is named by the user (`name:`) or by the derivations below, from topics and
 * verbs, never by a counter: inserting a `filter` renames nothing, and a store is found again after an edit.
 *
 * A stream has a stem, the topic it began with. Verbs that hold nothing (filter, map, tap, rx, a join with a table ...) keep it.
 *
 * | verb                                   | stem, or name          |
 * |----------------------------------------|------------------------|
 * | app.stream(orders), through(orders)    | orders                 |
 * | app.stream([a, b]), a.mergeWith(b)     | a-b-merged             |
 * | a.join(b, within), also left and outer | a-b-joined             |
 * | split: the branch big                  | orders-big             |
 * | mapEither                              | orders-left, -right    |
 * | keyBy, groupBy                         | orders-keyed, -grouped |
 * | repartition                            | that of keyBy; else the stem |
 * | count, reduce, aggregate, toTable      | orders-count, -reduced, -aggregated, -table |
 * | app.table(users), app.globalTable(users) | users                |
 * | window(...).count, reduce, aggregate   | orders-windowed-count, -windowed-reduced, -windowed-aggregated |
 * | cogroup(...).aggregate                 | orders-cogrouped       |
 * | table.filter, table.map with a store   | users-filtered, users-mapped |
 * | table.groupBy(...).count, aggregate    | users-grouped-count, -grouped-aggregated |
 * | table.join, leftJoin, outerJoin        | a-b-joined             |
 * | table.joinOn, leftJoinOn               | a-b-joined-on, a-b-joined-left-on |
 * | table.suppress                         | users-suppressed       |
 * | distinct                               | that of the stream; its store: orders-distinct |
 * | toStream, changes                      | that of the table      |
 *
 * A join of streams owns the stores <name>-left and <name>-right.
 * A join with a table that has grace holds records in the store <stream>-<table>-held.
 * So orders.groupBy(f).count() owns the topic <app>-orders-grouped-repartition and the store orders-grouped-count.
 */
const suffixes = {
  keyBy: 'keyed',
  groupBy: 'grouped',
  mergeWith: 'merged',
  distinct: 'distinct',
  join: 'joined',
  hold: 'held',
  count: 'count',
  reduce: 'reduced',
  aggregate: 'aggregated',
  windowedCount: 'windowed-count',
  windowedReduce: 'windowed-reduced',
  windowedAggregate: 'windowed-aggregated',
  cogroup: 'cogrouped',
  toTable: 'table',
  tableFilter: 'filtered',
  tableMap: 'mapped',
  suppress: 'suppressed',
  joinOn: 'on',
  leftJoinOn: 'left-on',
} as const

export const derivedName = (stem: string, verb: keyof typeof suffixes): string => `${stem}-${suffixes[verb]}`
export const branchName = (stem: string, branch: string): string => `${stem}-${branch}`
/** A stem that comes in twice is named once: a split that is merged again. */
export const mergedName = (stems: readonly string[]): string => derivedName([...new Set(stems)].join('-'), 'mergeWith')
export const heldName = (stream: string, table: string): string => derivedName(`${stream}-${table}`, 'hold')
export const joinedName = (stems: readonly string[]): string => derivedName([...new Set(stems)].join('-'), 'join')

export const changelogTopic = (appId: string, store: string): string => `${appId}-${store}-changelog`
export const repartitionTopic = (appId: string, name: string): string => `${appId}-${name}-repartition`
export const deadLetterTopic = (appId: string): string => `${appId}-dead`

const maxLength = 249

/** Kafka's rules for topics; names of apps, stores and verbs become parts of topics. `what` is named in the message. */
export const checkName = (name: string, what: string): string => {
  const complaint = complaintAbout(name)
  if (complaint === null) return name
  throw new MillraceError('MR_NAME_INVALID', `${what} is ${JSON.stringify(name)}, which ${complaint}`)
}

const complaintAbout = (name: string): string | null => {
  if (typeof name !== 'string' || name === '') return 'is empty'
  if (name.length > maxLength) return `has ${name.length} characters, of which Kafka takes ${maxLength}`
  if (name === '.' || name === '..') return 'Kafka does not take'
  const odd = /[^a-zA-Z0-9._-]/.exec(name)
  return odd ? `has ${JSON.stringify(odd[0])} in it` : null
}
