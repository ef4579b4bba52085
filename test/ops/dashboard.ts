/** The board of Grafana as its tests need it: panels, and what their expressions name. */
import { readFileSync } from 'node:fs';

export const opsDirectory = new URL('../../ops/', import.meta.url);

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[];
}

export interface Board {
  readonly uid: string;
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
  readonly panels: readonly Panel[];
}

export function readBoard(): Board {
  return JSON.parse(readFileSync(new URL('grafana/dashboards/bazar.json', opsDirectory), 'utf8')) as Board;
}

export interface Expression {
  readonly title: string;
  readonly expr: string;
}

export function expressionsOf({ panels, annotations }: Board): readonly Expression[] {
  return [
    ...panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr }))),
    ...annotations.list.map(({ expr }) => ({ title: 'annotations', expr })),
  ];
}

/** A metric where it stands, with its matchers and its range. */
export interface Selector {
  readonly metric: string;
  /** By label: what it may be, one of several where the matcher is a pattern of alternatives. */
  readonly matchers: readonly {
    readonly label: string;
    readonly operator: string;
    readonly values: readonly string[];
  }[];
  readonly range: string | null;
  /** The function whose argument it is; null if it is none's. */
  readonly within: string | null;
}

export function selectorsIn(expr: string): readonly Selector[] {
  const found = expr.matchAll(/(?:(\w+)\s*\(\s*)?\b((?:bazar_\w+|up\b))(?:\{([^}]*)\})?(?:\[([^\]]*)\])?/g);
  return [...found].map(([, within = null, metric = '', matchers = '', range = null]) => ({
    ...{ metric, range, within },
    matchers: [...matchers.matchAll(/(\w+)(=~|!~|!=|=)"([^"]*)"/g)].map(([, label = '', operator = '', value = '']) => {
      return { label, operator, values: operator.includes('~') ? value.split('|') : [value] };
    }),
  }));
}

/** Names that are neither functions, keywords nor labels. */
export function namesIn(expr: string): readonly string[] {
  const bare = expr
    .replace(/"[^"]*"/g, '')
    .replace(/\{[^}]*\}|\[[^\]]*\]/g, '')
    .replace(/\b(?:by|on|without|ignoring)\s*\([^)]*\)/g, '');
  const names = bare.match(/[a-zA-Z_]\w*(?!\w*\s*\()/g) ?? [];
  return names.filter((name) => !['or', 'and', 'unless', 'bool'].includes(name));
}

/** Labels by which an expression groups or joins. */
export function groupingLabelsIn(expr: string): readonly string[] {
  return [...expr.matchAll(/\b(?:by|on)\s*\(([^)]*)\)/g)].flatMap(([, labels = '']) => labels.split(/\s*,\s*/));
}
