import { expect, it } from 'vitest'
import { findPlace } from '../../adapters/isolate/host/supervisor/memory-cgroups.ts'

it('the cgroup of a process that counts memory is found, in both versions', () => {
  const v1 = '34 30 0:31 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n'
  const v2 = '30 22 0:27 / /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n'
  expect(findPlace(v1, '4:memory:/jobs/a\n1:cpu:/\n0::/\n')).toEqual({
    path: '/sys/fs/cgroup/memory/jobs/a',
    version: 1,
  })
  expect(findPlace(v2, '0::/system.slice/unmoor.service\n')).toEqual({
    path: '/sys/fs/cgroup/system.slice/unmoor.service',
    version: 2,
  })
  // Version 1 counts memory where both are there.
  expect(findPlace(v1 + v2, '4:memory:/a\n0::/b\n')?.version).toBe(1)
})

it('nothing is found where what is mounted is not the part of the tree that the process is in', () => {
  const part = '30 22 0:27 /docker/b /sys/fs/cgroup ro,relatime - cgroup2 cgroup2 rw\n'
  expect(findPlace(part, '0::/docker/a\n')).toBeUndefined()
  expect(findPlace(part, '0::/docker/b/c\n')).toEqual({ path: '/sys/fs/cgroup/c', version: 2 })
  expect(findPlace('', '')).toBeUndefined()
})
