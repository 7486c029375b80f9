// The workspace's own functions: what a person types in its Logs, and what the workbook is built on. Alert rules do
// without them, so that a rule can be read, and made, alone.

@description('Name of the Log Analytics workspace.')
param workspaceName string

var functions = [
  {
    name: 'TodoAttachSteps'
    parameters: ''
    query: loadTextContent('../kql/functions/TodoAttachSteps.kql')
  }
  {
    name: 'TodoAttachOutcomes'
    parameters: ''
    query: loadTextContent('../kql/functions/TodoAttachOutcomes.kql')
  }
  {
    name: 'TodoAttachUpload'
    parameters: 'upload:string'
    query: loadTextContent('../kql/functions/TodoAttachUpload.kql')
  }
]

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-02-01' existing = {
  name: workspaceName
}

resource saved 'Microsoft.OperationalInsights/workspaces/savedSearches@2025-02-01' = [
  for each in functions: {
    parent: workspace
    name: each.name
    properties: {
      // A search that exists is only written over with an etag; without one the second deployment ends with a 409. At
      // the top level Azure refuses it, and here the type does not know it.
      #disable-next-line BCP037
      etag: '*'
      category: 'todo-attach'
      displayName: each.name
      functionAlias: each.name
      functionParameters: empty(each.parameters) ? null : each.parameters
      query: each.query
      version: 2
    }
  }
]
