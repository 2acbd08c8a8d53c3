import { codec } from '../../lib/core/codec.js'
import { topic } from '../../lib/topology/topic.js'

describe('topic', () => {
  it('has keys of strings or null and values of JSON unless said otherwise', () => {
    const clicks = topic<{ page: string }>('clicks')
    expect(clicks.key.decode(null)).toBeNull()
    expect(clicks.key.decode(Buffer.from('ada'))).toBe('ada')
    expect(clicks.value.decode(Buffer.from('{"page":"/"}'))).toEqual({ page: '/' })
  })
  it('is frozen, with all that its spec says', () => {
    const timestamp = () => 0
    const orders = topic('orders', { key: codec.string, value: codec.number, partitions: 3, config: { 'retention.ms': '1' }, timestamp })
    expect(orders).toMatchObject({ name: 'orders', partitions: 3, config: { 'retention.ms': '1' }, timestamp })
    expect(Object.isFrozen(orders)).toBe(true)
  })
  it.each([
    ['', 'is empty'],
    ['.', 'Kafka does not take'],
    ['..', 'Kafka does not take'],
    ['two words', 'has " " in it'],
    ['größe', 'has "ö" in it'],
    ['t'.repeat(250), 'has 250 characters'],
  ])('refuses the name %j', (name, why) => {
    expect(() => topic(name)).toThrow(`MR_NAME_INVALID: the name of a topic is ${JSON.stringify(name)}, which ${why}`)
  })
  it('takes what Kafka takes', () => {
    expect(topic(`A-z_0.9${'t'.repeat(242)}`).name).toHaveLength(249)
  })
  it.each([0, -1, 1.5, NaN])('refuses %p partitions', (partitions) => {
    expect(() => topic('t', { key: codec.string, value: codec.string, partitions })).toThrow(/MR_CONFIG/)
  })
})
