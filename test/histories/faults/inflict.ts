import { setTimeout as sleep } from 'node:timers/promises'
import type { ServerProcess } from '../../../core/tools/conformance/backends/server-process.ts'
import { now } from '../record/clock.ts'
import type { WorkerProcess } from '../worker-process.ts'
import type { Fault, FaultRecord } from './fault.ts'
import type { TcpProxy } from './tcp-proxy.ts'

/** What faults can hit. */
export interface Targets {
  readonly workers: readonly WorkerProcess[]
  readonly server: ServerProcess | undefined
  readonly proxy: TcpProxy | undefined
}

/** Does one fault, and tells what it hit. */
export async function inflict(fault: Fault, targets: Targets): Promise<FaultRecord> {
  const begun = now()
  const evidence = await EVIDENCE[kindOf(fault)](fault, targets)
  return { fault, begun, ended: now(), evidence }
}

function kindOf({ kind }: Fault): 'process' | 'server' | 'way' {
  if (kind === 'kill' || kind === 'pause') return 'process'
  return kind === 'server-kill' || kind === 'server-pause' ? 'server' : 'way'
}

const EVIDENCE = { process: hitProcess, server: hitServer, way: hitWay }

async function hitProcess(fault: Fault, { workers }: Targets): Promise<string> {
  const worker = workers.find(({ index }) => 'process' in fault && index === fault.process)
  if (worker === undefined) return ''
  const { pid } = worker
  if (fault.kind === 'kill') {
    const signal = await worker.kill()
    worker.restart()
    return signal === 'SIGKILL' ? `process ${pid} ended by ${signal}` : ''
  }
  const stopped = await worker.pause()
  if (fault.kind === 'pause') await sleep(fault.seconds * 1000)
  const stayed = worker.resume()
  return stopped && stayed ? `process ${pid} was stopped` : ''
}

async function hitServer(fault: Fault, { server }: Targets): Promise<string> {
  if (server === undefined) return ''
  if (fault.kind === 'server-pause') {
    await server.pause()
    await sleep(fault.seconds * 1000)
    server.resume()
    return `the server on port ${server.port} was stopped`
  }
  await server.restart()
  return `the server on port ${server.port} was killed and started again`
}

async function hitWay(fault: Fault, { proxy }: Targets): Promise<string> {
  if (proxy === undefined) return ''
  switch (fault.kind) {
    case 'cut': {
      const broken = await proxy.cut()
      await sleep(fault.seconds * 1000)
      await proxy.restore()
      return broken > 0 ? `${broken} connections were broken` : ''
    }
    case 'half-open':
    case 'delay': {
      proxy.hold()
      await sleep(fault.seconds * 1000)
      const held = proxy.release(fault.kind === 'delay')
      return held > 0 ? `${held} bytes were ${fault.kind === 'delay' ? 'held back' : 'swallowed'}` : ''
    }
    case 'lost-answer': {
      const lost = await proxy.loseAnswers(fault.answers)
      return lost > 0 ? `${lost} bytes of answers were dropped` : ''
    }
    default:
      return ''
  }
}
