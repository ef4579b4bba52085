/** Every operation of the gateway. */
import { clusterOperations } from './cluster.ts';
import { collectionOperations } from './collections.ts';
import { employeeOperations } from './employees.ts';
import { itemOperations } from './items.ts';
import { keyOperations } from './keys.ts';
import { metaOperations } from './meta.ts';
import type { Operation } from './operation.ts';
import { shopOperations } from './shop.ts';
import { shortFormOperations } from './short-forms.ts';
import { transactionOperations } from './transactions.ts';
import { watchOperations } from './watches.ts';

export const operations: readonly Operation[] = [
  ...keyOperations,
  ...collectionOperations,
  ...itemOperations,
  ...transactionOperations,
  ...watchOperations,
  ...shopOperations,
  ...shortFormOperations,
  ...employeeOperations,
  ...clusterOperations,
  ...metaOperations,
];
