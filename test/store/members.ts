/** JSON objects as the model of the catalog takes them: no rule of the product's is in it. */

export type Members = Readonly<Record<string, unknown>>;

/** Null if it is no JSON object. */
export function membersOf(bytes: Uint8Array): Members | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString());
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : null;
  } catch {
    return null;
  }
}

/** RFC 7396. */
export function merged(target: unknown, patch: Members): Members {
  const isMembers = typeof target === 'object' && target !== null && !Array.isArray(target);
  const result: Record<string, unknown> = isMembers ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    const isNested = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (value === null) delete result[name];
    else result[name] = isNested ? merged(result[name], value as Members) : value;
  }
  return result;
}
