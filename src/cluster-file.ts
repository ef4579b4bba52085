/**
 * The cluster file: the bootstrap. From the first commit on the configuration in the log wins; the file says where to knock.
 */

export interface ReplicaAddress {
  readonly id: string;
  /** Hex, 32 bytes. */
  readonly publicKey: string;
  /** `host:port`, UDP. */
  readonly rpc: string;
  /** `host:port`, TCP. */
  readonly http: string;
}

export interface GatewayAddress {
  readonly id: string;
  readonly publicKey: string;
  readonly http: string;
}

export interface ClusterFile {
  readonly clusterId: string;
  readonly replicas: readonly ReplicaAddress[];
  readonly gateways: readonly GatewayAddress[];
}
