// Alert rules on platform metrics, which do not go through the workspace: these rules still work when its daily cap is
// reached, and when telemetry does not arrive. docs/operations.md has a heading for each, "Alert: <name>".

@description('End of the names of the rules.')
param suffix string

@description('Tags of every resource.')
param tags object

@description('Whether the rules run.')
param enabled bool

@description('Where people read docs/operations.md; empty = alerts have no link.')
param operationsUrl string

@description('Resource id of the action group that sends the mails.')
param actionGroupId string

@description('Name of the Event Grid system topic.')
param topicName string

@description('Name of the function app.')
param functionAppName string

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: topicName
}

resource app 'Microsoft.Web/sites@2025-03-01' existing = {
  name: functionAppName
}

var rules = [
  {
    name: 'dead-letters'
    meaning: 'Event Grid gave events up.'
    severity: 1
    scope: topic.id
    namespace: 'Microsoft.EventGrid/systemTopics'
    metric: 'DeadLetteredCount'
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    // The sweep alone runs every minute. Instances on demand and always-ready ones have a metric each; the sweep runs on
    // demand.
    name: 'executions'
    meaning: 'No function ran on demand for an hour: the application does not run.'
    severity: 1
    scope: app.id
    namespace: 'Microsoft.Web/sites'
    metric: 'OnDemandFunctionExecutionCount'
    operator: 'LessThan'
    threshold: 1
  }
]

resource alerts 'Microsoft.Insights/metricAlerts@2026-01-01' = [
  for rule in rules: {
    name: 'metric-${rule.name}-${suffix}'
    location: 'global'
    tags: tags
    properties: {
      description: '${rule.meaning} What to do: ${empty(operationsUrl) ? 'docs/operations.md, "Alert: ${rule.name}"' : '${operationsUrl}#alert-${rule.name}'}'
      severity: rule.severity
      enabled: enabled
      scopes: [rule.scope]
      evaluationFrequency: 'PT15M'
      windowSize: 'PT1H'
      autoMitigate: true
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            criterionType: 'StaticThresholdCriterion'
            name: rule.name
            metricNamespace: rule.namespace
            metricName: rule.metric
            operator: rule.operator
            threshold: rule.threshold
            timeAggregation: 'Total'
            // Without this, Azure refuses the rule while the platform has not emitted the metric yet.
            skipMetricValidation: true
          }
        ]
      }
      actions: [
        {
          actionGroupId: actionGroupId
        }
      ]
    }
  }
]
