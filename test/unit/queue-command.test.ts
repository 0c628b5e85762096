/** Wrong use of `unmoor queue`, which asks no deployment. */
import { expect, test } from 'vitest'
import { runUnmoor } from './cli-process.ts'

test.each([
  [['list'], /required option '--url <url>'/],
  [['peek', '--url', 'http://127.0.0.1:1'], /missing required argument 'queue'/],
  [
    ['peek', 'a', '--limit', '0', '--url', 'http://127.0.0.1:1'],
    /limit of peek is a whole number from 1 to 100/,
  ],
  [['peek', 'a', '--limit', '101', '--url', 'http://127.0.0.1:1'], /from 1 to 100/],
  [['replay', 'a', '--limit', '1.5', '--url', 'http://127.0.0.1:1'], /whole number of messages, at least 1/],
  [
    ['replay', 'a', '--limit', '1', '--id', 'b', '--url', 'http://127.0.0.1:1', '--token', 'c'],
    /takes no --limit beside it/,
  ],
  [['list', '--url', 'app.example', '--token', 'secret'], /--url: "app\.example" is no URL of a deployment/],
  [['list', '--url', 'http://127.0.0.1:1'], /needs the token of its data route: give --token, or set UNMOOR/],
])('unmoor queue %j is wrong use', async (args, message) => {
  expect(process.env['UNMOOR_DATA_TOKEN']).toBeUndefined()
  expect(await runUnmoor(['queue', ...args])).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(message),
  })
})
