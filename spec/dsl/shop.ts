import { codec } from '../../lib/core/codec.js'
import { topic } from '../../lib/topology/topic.js'

export interface Order {
  readonly id: string
  readonly user: string
  readonly amount: number
}
export interface User {
  readonly name: string
}

export const lines = topic('lines', { key: codec.none, value: codec.string })
export const counts = topic('word-counts', { key: codec.string, value: codec.number })
export const orders = topic('orders', { key: codec.string, value: codec.json<Order>() })
export const users = topic('users', { key: codec.string, value: codec.json<User>() })
export const returns = topic('returns', { key: codec.string, value: codec.json<Order>() })
export const audit = topic('audit', { key: codec.string, value: codec.json() })
