import nodeAssert from 'node:assert/strict'
import { describe, expect, it } from 'vitest'
import guestAssert from '../../adapters/isolate/guest/node/assert.ts'

const fail = (): never => {
  throw new TypeError('the error')
}

describe.each([
  ['Node', nodeAssert as unknown as typeof guestAssert],
  ['the isolate', guestAssert],
])('throws() of node:assert in %s', (_, assert) => {
  it('takes a text as the message of a failure', async () => {
    expect(() => assert.throws(fail, 'a message')).not.toThrow()
    expect(() => assert.throws(() => {}, 'a message')).toThrow(/a message/)
    await expect(assert.rejects(Promise.reject(new Error('x')), 'a message')).resolves.toBeUndefined()
    await expect(assert.rejects(Promise.resolve(), 'a message')).rejects.toThrow(/a message/)
  })

  it('compares name and message of an error that is expected', () => {
    expect(() => assert.throws(fail, new TypeError('the error'))).not.toThrow()
    expect(() => assert.throws(fail, new TypeError('another'))).toThrow()
    expect(() => assert.throws(fail, new RangeError('the error'))).toThrow()
  })
})
