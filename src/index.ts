/** The public API: what the command line does, as functions that give values. */
export type { Diagnostic, ExitCode, Location } from './base/diagnostic.ts';
export type { Json } from './base/json.ts';
export { err, ok, type Result } from './base/result.ts';
export { type Advice, type AdviseOptions, advise } from './cli/advise.ts';
export { type PipelineOptions, type PlannedPipeline, planPipeline } from './cli/compose.ts';
export {
  type Predicted,
  type Prediction,
  type PredictionSink,
  type PredictOptions,
  predictImages,
} from './cli/predict/predict-images.ts';
export { type RunOptions, runPipeline } from './cli/run-pipeline.ts';
export { planSweep, type SweepRunOptions, sweepPipeline } from './cli/sweep-pipeline.ts';
export type { PipelineConfig, StageConfig } from './config/pipeline-config.ts';
export type { Engine, EngineId, Producer } from './engines/engine.ts';
export type { Plan, PlannedStage } from './plan/plan.ts';
export type { Reason } from './plan/reason.ts';
export type { RunEvent, RunSummary, StageResult } from './scheduler/events.ts';
export type { Artifact, ArtifactType } from './stages/artifacts.ts';
export {
  defineStage,
  type RunContext,
  type StageBody,
  type StageKind,
  type StageOutcome,
} from './stages/stage-kind.ts';
export type { SweepEvent, SweepSummary } from './sweep/run-sweep.ts';
export type { TrialResult } from './sweep/trial-result.ts';
