/** Whether a request may do what it asks for. Problems tell what is missing, never what was sent. */
import { HttpProblem } from '../errors.ts';
import { allows, type Role } from './needs.ts';
import { isPeerSignature, type PeerRequestText, type PeerVerifier } from './peer-signature.ts';
import type { TokenTable } from './tokens.ts';

export interface Access {
  /**
   * Throws HttpProblem (401, 403) for whoever may not. `request` is what another gateway has signed, where such may come:
   * its `target` exactly as it arrived.
   */
  check(need: Role, authorization: string | undefined, request: PeerRequestText | null): void;
}

export interface AccessOptions {
  readonly tokens: { readonly current: TokenTable };
  readonly peers: PeerVerifier;
}

const realm = 'Bearer realm="bazar"';
const scheme = 'bearer ';

export function createAccess({ tokens, peers }: AccessOptions): Access {
  function roleOf(authorization: string, request: PeerRequestText | null): Role {
    if (request !== null && isPeerSignature(authorization)) {
      const reason = peers.problemOf(authorization, request);
      // Who holds a gateway's key may write to the store past all gateways: there is nothing to keep from it.
      if (reason === null) return 'admin';
      throw unauthorized('peer_refused', `not a request of another gateway of this cluster: ${reason}`, realm);
    }
    if (authorization.slice(0, scheme.length).toLowerCase() !== scheme) throw missing();
    const role = tokens.current(authorization.slice(scheme.length));
    if (role !== null) return role;
    throw unauthorized(
      'token_unknown',
      'this gateway does not know the token, or not any more; "bazar token create" makes one',
      `${realm}, error="invalid_token"`,
    );
  }

  return {
    check(need, authorization, request) {
      if (authorization === undefined) throw missing();
      const role = roleOf(authorization, request);
      if (allows(role, need)) return;
      const detail = `this needs the role ${need}, and the token has ${role}; use another, or have one made`;
      const challenge = `${realm}, error="insufficient_scope", scope="${need}"`;
      throw new HttpProblem('role_missing', detail, 'not_applied', ['WWW-Authenticate', challenge]);
    },
  };
}

function missing(): HttpProblem {
  return unauthorized('token_missing', 'this needs a token, expected as "Authorization: Bearer TOKEN"', realm);
}

function unauthorized(
  code: 'token_missing' | 'token_unknown' | 'peer_refused',
  detail: string,
  challenge: string,
): HttpProblem {
  return new HttpProblem(code, detail, 'not_applied', ['WWW-Authenticate', challenge]);
}
