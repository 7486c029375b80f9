// Alert rules on platform metrics, which come without the workspace: they go on when its daily cap is reached, and when
// telemetry does not arrive. docs/operations.md has a heading for each, "Alert: <name>".

@description('Ends the names of the rules.')
param suffix string

@description('Tags of every resource.')
param tags object

@description('Whether the rules run.')
param enabled bool

@description('Where docs/operations.md can be read; empty = nowhere by a link.')
param operationsUrl string

@description('Resource id of the action group that is told.')
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
    // The sweep alone runs every minute; two groups count it under two names, and it is on demand.
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
            // A metric that the platform has not emitted yet is no reason to refuse the rule.
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
