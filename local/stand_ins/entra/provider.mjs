// An OpenID provider in Entra's place. It reads its configuration as one line of JSON from standard input, writes one line
// of JSON when it is ready, and ends when its standard input ends.
//
//   {port, prefix, key, cert, scope, redirect_uri, client_secret, assertion_jwk, people: [{name, oid, tid}], emulator,
//    control}
//
// As with Entra, several tenants have one host: /TENANT/v2.0 for each person's tenant, and /common, /organizations and
// /consumers. The issuer of an ID token is that of the person's own tenant.
//
// Endpoints under /_entra/CONTROL, an address that only the program that started it knows:
//
// GET  log                    token requests, in order
// GET  issued                 every code and token that was given out
// POST turn {switch: value}   rotate, access_token_seconds, refresh_token_seconds, token_delay_seconds,
//                             token_status, token_error (an error number that every token request is refused
//                             with, as invalid_grant), auth_time (whether ID tokens have it),
//                             common_refuses_personal (reported of Entra: refreshes there end in AADSTS70000)
// POST revoke {oid}           everything that the person granted
import { createHash, generateKeyPairSync, randomBytes, sign, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { createInterface } from 'node:readline';

// It warns of things that are intended here (accounts in memory, this version of Node.js).
console.warn = () => {};
const { default: Provider, interactionPolicy } = await import('oidc-provider');

const lines = createInterface({ input: process.stdin });
lines.on('close', () => process.exit(0));
const plan = JSON.parse(await new Promise((resolve) => lines.once('line', resolve)));

const turned = {
  rotate: false,
  access_token_seconds: 3600,
  refresh_token_seconds: 86400,
  token_delay_seconds: 0,
  token_status: 0,
  token_error: '',
  auth_time: true,
  common_refuses_personal: true,
};
const log = [];
const issued = [];
const grants = new Map(); // by person
const tokens = new Map();
const people = new Map(plan.people.map((person) => [person.oid, person]));

// The tenant of all personal accounts.
const PERSONAL = '9188040d-6c67-4c5b-b112-36a304b66dad';
const tenants = new Set(['common', 'organizations', 'consumers', ...plan.people.map((person) => person.tid)]);
const tenantOf = (url) => /^\/([0-9a-z-]+)\/v2\.0\//.exec(url)?.[1] ?? '';

const server = createServer({ key: readFileSync(plan.key), cert: readFileSync(plan.cert) });
await new Promise((resolve) => server.listen(plan.port, '127.0.0.1', resolve));
const origin = `https://localhost:${server.address().port}`;

const policy = interactionPolicy.base();
policy.add(new interactionPolicy.Prompt({ name: 'select_account', requestable: true }), 0);

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const web = {
  redirect_uris: [plan.redirect_uri],
  response_types: ['code'],
  grant_types: ['authorization_code', 'refresh_token'],
  require_auth_time: true,
};
const provider = new Provider(`${origin}${plan.prefix}`, {
  clients: [
    {
      ...web,
      client_id: 'todo-attach',
      client_secret: plan.client_secret,
      token_endpoint_auth_method: 'client_secret_post',
    },
    ...(plan.assertion_jwk
      ? [
          {
            ...web,
            client_id: 'todo-attach-assertion',
            token_endpoint_auth_method: 'private_key_jwt',
            jwks: { keys: [plan.assertion_jwk] },
          },
        ]
      : []),
    {
      client_id: 'todo-attach-device',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      redirect_uris: [],
      response_types: [],
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
    },
  ],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'throw-away' }] },
  cookies: { keys: [randomBytes(32).toString('hex')] },
  scopes: ['openid', 'offline_access', plan.scope],
  claims: { openid: ['sub', 'oid', 'tid'], profile: ['preferred_username', 'name'] },
  // Entra puts these claims into the ID token; without this they would only be at the userinfo endpoint.
  conformIdTokenClaims: false,
  pkce: { required: (_ctx, client) => client.responseTypes.length > 0 },
  features: { devInteractions: { enabled: false }, deviceFlow: { enabled: true }, rpInitiatedLogout: { enabled: false } },
  routes: {
    authorization: '/authorize',
    token: '/token',
    device_authorization: '/devicecode',
  },
  ttl: {
    AccessToken: () => turned.access_token_seconds,
    RefreshToken: () => turned.refresh_token_seconds,
    AuthorizationCode: 60,
    DeviceCode: 600,
    Grant: 86400,
    IdToken: 3600,
    Interaction: 600,
    Session: 3600,
  },
  rotateRefreshToken: () => turned.rotate,
  interactions: { policy, url: (_ctx, interaction) => `${plan.prefix}/sign-in/${interaction.uid}` },
  findAccount: (_ctx, id) => {
    const person = people.get(id);
    return (
      person && {
        accountId: id,
        claims: () => ({ sub: id, oid: person.oid, tid: person.tid, preferred_username: person.name, name: person.name }),
      }
    );
  },
  renderError: (ctx, out) => {
    ctx.type = 'text/plain';
    ctx.body = JSON.stringify(out);
  },
});

provider.use(async (ctx, next) => {
  const tenant = tenantOf(ctx.req.originalUrl);
  const refuse = (status, error, code) => {
    ctx.status = status;
    ctx.body = { error, ...(code && { error_description: `${code}: played by the stand-in.` }) };
    log.push({ grant_type: ctx.oidc?.params?.grant_type ?? '', tenant, status, error });
  };
  if (ctx.path === '/token' && (turned.token_status || turned.token_error)) {
    turned.token_status ? refuse(turned.token_status, 'temporarily_unavailable') : refuse(400, 'invalid_grant', turned.token_error);
    return;
  }
  await next();
  if (ctx.path !== '/token') {
    return;
  }
  const person = people.get(ctx.oidc?.entities?.Account?.accountId);
  const isRefresh = ctx.oidc?.params?.grant_type === 'refresh_token';
  if (turned.common_refuses_personal && isRefresh && tenant === 'common' && person?.tid === PERSONAL) {
    refuse(400, 'invalid_grant', 'AADSTS70000');
    return;
  }
  if (ctx.body?.id_token && person) {
    ctx.body.id_token = reissued(ctx.body.id_token, person);
  }
  const { access_token: token, refresh_token: refresh, id_token: id, error } = ctx.body ?? {};
  issued.push(...[token, refresh, id, ctx.oidc?.params?.code, ctx.oidc?.params?.code_verifier].filter(Boolean));
  log.push({ grant_type: ctx.oidc?.params?.grant_type ?? '', tenant, client_id: ctx.oidc?.client?.clientId, status: ctx.status, error,
    has_assertion: Boolean(ctx.oidc?.params?.client_assertion), claims: ctx.oidc?.body?.claims });
  if (token) {
    const { accountId } = ctx.oidc.entities.Account;
    remember(tokens, accountId, token);
    remember(grants, accountId, ctx.oidc.entities.Grant?.jti);
    await tellEmulator('mailboxes', { upn: people.get(accountId).name, token });
  }
  if (turned.token_delay_seconds) {
    await new Promise((resolve) => setTimeout(resolve, turned.token_delay_seconds * 1000));
  }
});

// The provider has one issuer; Entra has one for each tenant.
function reissued(idToken, person) {
  const [header, payload] = idToken.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url'));
  claims.iss = `${origin}/${person.tid}/v2.0`;
  if (!turned.auth_time) {
    delete claims.auth_time;
  }
  const signed = `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
  return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), privateKey).toString('base64url')}`;
}

function remember(map, id, value) {
  if (value) {
    map.set(id, (map.get(id) ?? new Set()).add(value));
  }
}

// Graph recognises a token by itself; the emulator has to be told of it.
async function tellEmulator(what, body) {
  if (plan.emulator) {
    const headers = { 'content-type': 'application/json' };
    await fetch(`${plan.emulator}/${what}`, { method: 'POST', headers, body: JSON.stringify(body) });
  }
}

async function revoke(oid) {
  for (const grantId of grants.get(oid) ?? []) {
    for (const kind of ['AccessToken', 'RefreshToken', 'AuthorizationCode']) {
      await provider[kind].revokeByGrantId(grantId);
    }
    await (await provider.Grant.find(grantId))?.destroy();
  }
  for (const token of tokens.get(oid) ?? []) {
    await tellEmulator('revocations', { token });
  }
  grants.delete(oid);
  tokens.delete(oid);
}

// -- the sign-in page --

const escape = (text) => text.replace(/[&<>"]/g, (each) => `&#${each.charCodeAt(0)};`);

function page(uid) {
  const choices = [...people.values()].map(
    ({ name, oid }) => `<p><button name="person" value="${escape(oid)}">${escape(name)}</button></p>`,
  );
  return `<!DOCTYPE html><html lang="en"><title>Sign in</title><main><h1>Sign in (stand-in for Entra)</h1>
<form method="post" action="${plan.prefix}/sign-in/${escape(uid)}">${choices.join('')}
<p><button name="refuse" value="declined">Decline</button>
<button name="refuse" value="admin">Needs an administrator</button></p></form></main></html>`;
}

const REFUSALS = {
  declined: { error: 'access_denied', error_description: 'AADSTS65004: User declined to consent to access the app.' },
  admin: { error: 'access_denied', error_description: 'AADSTS90094: The grant requires admin permission.' },
};

async function signIn(request, response) {
  const { prompt, params, uid } = await provider.interactionDetails(request, response);
  if (request.method === 'GET') {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(page(uid));
    return;
  }
  const form = new URLSearchParams(await bodyOf(request));
  const refusal = REFUSALS[form.get('refuse')];
  const accountId = form.get('person');
  let result = refusal;
  if (!result) {
    const grant = new provider.Grant({ accountId, clientId: params.client_id });
    grant.addOIDCScope(params.scope ?? 'openid');
    const grantId = await grant.save();
    result = { login: { accountId }, select_account: {}, consent: { grantId } };
  }
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: prompt.name === 'consent' });
}

// -- the control endpoints, for tests and people --

// The same checks as in local/stand_ins/loopback.py, for the same reasons; other users of the machine do not know the
// secret in the path.
function whyRefused(request, secret) {
  const { host = '', origin: asked } = request.headers;
  if (!['127.0.0.1', 'localhost'].includes(host.split(':')[0])) {
    return 'this server is called 127.0.0.1 or localhost';
  }
  if (asked !== undefined) {
    return 'requests of web pages are refused';
  }
  const digest = (text) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(secret), digest(plan.control)) ? '' : 'the secret in this path is not this server\'s';
}

async function control(request, response) {
  const [secret, ...rest] = request.url.split('?')[0].slice('/_entra/'.length).split('/');
  const refused = whyRefused(request, secret);
  if (refused) {
    answer(response, 403, { error: refused });
    return;
  }
  const path = rest.join('/');
  const body = request.method === 'POST' ? JSON.parse((await bodyOf(request)) || '{}') : {};
  if (path === 'log') {
    answer(response, 200, log);
  } else if (path === 'issued') {
    answer(response, 200, issued);
  } else if (path === 'turn' && Object.keys(body).every((name) => name in turned)) {
    answer(response, 200, Object.assign(turned, body));
  } else if (path === 'revoke') {
    await revoke(body.oid);
    answer(response, 200, {});
  } else {
    answer(response, 404, {});
  }
}

function answer(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

const callback = provider.callback();
server.on('request', (request, response) => {
  const fail = (error) => {
    process.stderr.write(`${error.stack}\n`);
    if (!response.headersSent) {
      answer(response, 500, { error: error.name });
    }
  };
  if (request.url.startsWith('/_entra/')) {
    control(request, response).catch(fail);
  } else if (request.url.startsWith(`${plan.prefix}/sign-in/`)) {
    signIn(request, response).catch(fail);
  } else if (tenants.has(tenantOf(request.url))) {
    // Entra gives a refresh token to every app that asks for offline_access; this provider does so only after it has asked
    // for consent.
    request.url = request.url.replace('prompt=select_account', 'prompt=select_account%20consent');
    request.originalUrl = request.url;
    request.url = request.url.slice(`/${tenantOf(request.url)}/v2.0`.length);
    callback(request, response);
  } else {
    answer(response, 404, {});
  }
});

process.stdout.write(`${JSON.stringify({ ready: true, origin })}\n`);
