/** An existing Worker in workerd, over miniflare's simulators: `node worker-simulator.ts PROJECT`. */
import { startSimulator } from '../../../core/tools/conformance/workers/simulator.ts'

const simulator = await startSimulator(process.argv[2] as string, () => {})
process.send?.({ url: simulator.url })
process.on('disconnect', () => void simulator.stop().then(() => process.exit(0)))
