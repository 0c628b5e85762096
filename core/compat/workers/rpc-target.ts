/** Marks a class whose instances take calls from other Workers by reference; see `WorkerEntrypoint`. */
// oxlint-disable-next-line typescript/no-extraneous-class -- its instances are told by their class
export class RpcTarget {}
