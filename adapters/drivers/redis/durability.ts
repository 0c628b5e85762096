import { UnmoorError } from '../../../core/errors.ts'
import type { RedisClient } from './server.ts'

/**
 * Durability of queue messages in Redis: in the server's append-only file, or in its memory alone, where a
 * restart loses them.
 */
export type RedisDurability = 'append-only' | 'memory'

/**
 * Refuses a Redis server that would lose messages: one without the append-only file, or one that evicts any
 * key when its memory is full. INFO is used because some providers forbid CONFIG.
 */
export async function checkDurability(
  client: Pick<RedisClient, 'callBuffer'>,
  name: string,
  durability: RedisDurability,
  binding: string,
): Promise<void> {
  const info = String(await client.callBuffer('INFO', []))
  const refuse = (text: string): never => {
    throw new UnmoorError('InvalidArgument', `Binding "${binding}": ${text}`, { binding, operation: 'start' })
  }
  if (durability === 'append-only' && field(info, 'aof_enabled') !== '1') {
    refuse(
      `the Redis server ${name} keeps its data in memory, so a restart would lose messages. Turn on its ` +
        `append-only file (appendonly yes), or accept the loss with the option durability: 'memory'.`,
    )
  }
  const policy = field(info, 'maxmemory_policy') ?? 'noeviction'
  if (field(info, 'maxmemory') !== '0' && policy.startsWith('allkeys')) {
    refuse(
      `the Redis server ${name} evicts keys when its memory is full (maxmemory-policy ${policy}), ` +
        'messages too. Set the policy to noeviction.',
    )
  }
}

function field(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1]
}
