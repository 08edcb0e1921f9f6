import { defineCodes } from './code.ts';

export const trackingCodes = defineCodes({
  T001: {
    exit: 6,
    title: 'a tracking server did not take a run',
    explanation:
      'The run itself is done and kept. Check the address and the server, then send the run with `pipe show RUN --mlflow URL`. Credentials come from MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD.',
  },
});
