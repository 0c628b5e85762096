import { spawn } from 'node:child_process'
import { UnmoorError } from '../../../../core/errors.ts'
import { freePort } from './free-port.ts'
import type { Server } from './server.ts'

/**
 * Starts a server of S3's protocol by moto (Python) on 127.0.0.1, chosen with UNMOOR_LOCAL_S3=moto. Its data
 * is in memory.
 */
export async function startMoto(tries = 3): Promise<Server> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const child = spawn('moto_server', ['-H', '127.0.0.1', '-p', String(port)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let output = ''
  let ended: string | undefined
  child.stderr.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-2000)))
  child.once('error', (error) => (ended = error.message))
  const exit = new Promise<void>((resolve) =>
    child.once('close', (code) => {
      ended ??= `it ended with ${code}: ${output}`
      resolve()
    }),
  )
  const started = Date.now()
  while (!(await answers(url))) {
    if (ended !== undefined || Date.now() - started > 30_000) {
      child.kill()
      // Another process took moto's port first, so the next try uses another one.
      if (tries > 1 && output.includes('Address already in use')) return startMoto(tries - 1)
      throw new UnmoorError(
        'Unavailable',
        `moto_server did not start: ${ended ?? 'no answer after 30 s'}. Install it with: pip install ` +
          `'moto[server]', or unset UNMOOR_LOCAL_S3.`,
        { operation: 'start' },
      )
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return {
    name: 'moto (s3)',
    url,
    pids: child.pid === undefined ? [] : [child.pid],
    stop: async () => {
      child.kill()
      await exit
    },
  }
}

async function answers(url: string): Promise<boolean> {
  return fetch(`${url}/moto-api/`).then(
    async (response) => {
      await response.arrayBuffer()
      return true
    },
    () => false,
  )
}
