/** A run sent to an MLflow tracking server by its REST API 2.0. */
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { isJsonObject, type Json, type JsonObject } from '../../base/json.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { RunFacts } from './run-facts.ts';

/** What one call of `log-batch` takes: 100 parameters, 1,000 metrics. */
const MOST_PARAMS = 100;
const MOST_METRICS = 1000;
/** A server that does not answer is not waited for longer. */
const PATIENCE_MS = 30_000;

type Environment = Readonly<Record<string, string | undefined>>;

/** Creates the experiment (named as the pipeline) where it is not there, then a run in it. @returns the run's id there. */
export async function sendToMlflow(
  url: string,
  facts: RunFacts,
  environment: Environment = process.env,
): Promise<Result<string, Diagnostic>> {
  const server = serverAt(url, environment);
  if (!server.ok) return server;
  const call = server.value;
  const experiment = await experimentNamed(facts.pipeline, call);
  if (!experiment.ok) return experiment;
  const tags = Object.entries({ ...facts.tags, 'mlflow.source.name': 'pipe' }).map(([key, value]) => ({ key, value }));
  const created = await call('POST', 'runs/create', {
    experiment_id: experiment.value,
    run_name: facts.id,
    start_time: facts.startedMs,
    tags,
  });
  if (!created.ok) return created;
  const id = textAt(created.value, 'run', 'info', 'run_id');
  if (id === undefined) return err(refused(url, 'it answered without a run id'));
  const params = Object.entries(facts.params).map(([path, value]) => ({
    key: keyOf(path),
    value: String(value).slice(0, 500),
  }));
  const metrics = metricsOf(facts);
  for (let i = 0; i * MOST_PARAMS < params.length || i * MOST_METRICS < metrics.length; i++) {
    const sent = await call('POST', 'runs/log-batch', {
      run_id: id,
      params: params.slice(i * MOST_PARAMS, (i + 1) * MOST_PARAMS),
      metrics: metrics.slice(i * MOST_METRICS, (i + 1) * MOST_METRICS),
    });
    if (!sent.ok) return sent;
  }
  const status = facts.succeeded ? 'FINISHED' : 'FAILED';
  const ended = await call('POST', 'runs/update', { run_id: id, status, end_time: facts.endedMs });
  return ended.ok ? ok(id) : ended;
}

type Call = (
  method: 'GET' | 'POST',
  path: string,
  body: JsonObject,
) => Promise<Result<JsonObject, Diagnostic & { readonly status?: number }>>;

function serverAt(url: string, environment: Environment): Result<Call, Diagnostic> {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    return err(problem('U001', `--mlflow takes the address of a server, such as http://localhost:5000, not ${url}`));
  const address = new URL(url);
  const user = decodeURIComponent(address.username) || environment['MLFLOW_TRACKING_USERNAME'];
  const password = decodeURIComponent(address.password) || (environment['MLFLOW_TRACKING_PASSWORD'] ?? '');
  const token = environment['MLFLOW_TRACKING_TOKEN'];
  const basic = user && `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const credentials = token ? `Bearer ${token}` : basic;
  const headers = { 'content-type': 'application/json', ...(credentials && { authorization: credentials }) };
  address.username = '';
  address.password = '';
  const root = address.href.replace(/\/+$/, '');
  return ok(async (method, path, body) => {
    const asked = method === 'GET' ? `?${queryOf(body)}` : '';
    try {
      const response = await fetch(`${root}/api/2.0/mlflow/${path}${asked}`, {
        method,
        headers,
        signal: AbortSignal.timeout(PATIENCE_MS),
        ...(method === 'POST' && { body: JSON.stringify(body) }),
      });
      const answer = parsed(await response.text());
      if (response.ok && isJsonObject(answer)) return ok(answer);
      const words = textAt(answer, 'message') ?? response.statusText;
      return err({ ...refused(url, `${path} gave ${response.status} ${words}`), status: response.status });
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      return err(refused(url, cause instanceof Error ? cause.message || cause.name : String(cause)));
    }
  });
}

async function experimentNamed(name: string, call: Call): Promise<Result<string, Diagnostic>> {
  const found = await call('GET', 'experiments/get-by-name', { experiment_name: name });
  const known = found.ok ? textAt(found.value, 'experiment', 'experiment_id') : undefined;
  if (known !== undefined) return ok(known);
  if (!found.ok && found.error.status !== 404) return found;
  const created = await call('POST', 'experiments/create', { name });
  if (!created.ok) return created;
  return ok(textAt(created.value, 'experiment_id') ?? '0');
}

function metricsOf({ metrics, curves, endedMs }: RunFacts): readonly JsonObject[] {
  // Numbers that JSON has no word for are texts in protobuf's JSON.
  const json = (value: number): Json => (Number.isFinite(value) ? value : String(value));
  const last = Object.entries(metrics).flatMap(([stage, values]) =>
    Object.entries(values).map(([name, value]) => ({
      key: keyOf(`${stage}.${name}`),
      value: json(value),
      timestamp: endedMs,
      step: 0,
    })),
  );
  const steps = Object.entries(curves).flatMap(([stage, history]) =>
    history.flatMap(({ epoch, ...values }) =>
      Object.entries(values).flatMap(([name, value]) =>
        typeof value === 'number'
          ? [{ key: keyOf(`${stage}.${name}`), value: json(value), timestamp: endedMs, step: epoch }]
          : [],
      ),
    ),
  );
  return [...last, ...steps];
}

function queryOf(body: JsonObject): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(body)) query.set(key, String(value));
  return query.toString();
}

/** MLflow's names: letters, digits, `_ - . : /` and blanks, at most 250. */
function keyOf(path: string): string {
  return path.replace(/[^\w.\-:/ ]/g, '_').slice(0, 250);
}

function parsed(text: string): Json {
  try {
    const json: Json = JSON.parse(text);
    return json;
  } catch {
    return null;
  }
}

function textAt(value: Json, ...keys: readonly string[]): string | undefined {
  const [key, ...rest] = keys;
  if (key === undefined) return typeof value === 'string' ? value : undefined;
  return isJsonObject(value) ? textAt(value[key] ?? null, ...rest) : undefined;
}

function refused(url: string, why: string): Diagnostic {
  return problem('T001', `the MLflow server at ${withoutPassword(url)} did not take the run: ${why}`, {
    help: 'the run itself is kept; send it later with `pipe show RUN --mlflow URL`',
  });
}

function withoutPassword(url: string): string {
  return url.replace(/\/\/[^/@]*@/, '//');
}
