// The workbook. Its queries are the files of infra/kql/workbook, unchanged: {Account} and {Upload} in them are the
// workbook's parameters. A change that is made in the portal must be made here too, or the next deployment undoes it.

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags object

@description('Resource id of the Application Insights component, in whose list the workbook appears.')
param componentId string

@description('Resource id of the Log Analytics workspace that the workbook queries.')
param workspaceId string

var content = {
  version: 'Notebook/1.0'
  items: [
    {
      type: 9
      content: {
        version: 'KqlParameterItem/1.0'
        style: 'pills'
        queryType: 0
        resourceType: 'microsoft.operationalinsights/workspaces'
        crossComponentResources: [workspaceId]
        parameters: [
          {
            id: guid('todo-attach', 'TimeRange')
            version: 'KqlParameterItem/1.0'
            name: 'TimeRange'
            label: 'Time'
            type: 4
            isRequired: true
            value: {
              durationMs: 86400000
            }
            typeSettings: {
              allowCustom: true
              selectableValues: [
                { durationMs: 3600000 }
                { durationMs: 14400000 }
                { durationMs: 86400000 }
                { durationMs: 259200000 }
                { durationMs: 604800000 }
                { durationMs: 2592000000 }
              ]
            }
          }
          {
            id: guid('todo-attach', 'Account')
            version: 'KqlParameterItem/1.0'
            name: 'Account'
            type: 2
            isRequired: true
            query: loadTextContent('../kql/workbook/accounts.kql')
            timeContextFromParameter: 'TimeRange'
            queryType: 0
            resourceType: 'microsoft.operationalinsights/workspaces'
            crossComponentResources: [workspaceId]
            value: 'value::all'
            typeSettings: {
              additionalResourceOptions: ['value::all']
              selectAllValue: '*'
              showDefault: false
            }
          }
        ]
      }
      name: 'parameters'
    }
    {
      type: 3
      content: {
        version: 'KqlItem/1.0'
        query: loadTextContent('../kql/workbook/now.kql')
        title: 'Now, and in this time'
        size: 0
        timeContextFromParameter: 'TimeRange'
        queryType: 0
        resourceType: 'microsoft.operationalinsights/workspaces'
        crossComponentResources: [workspaceId]
        visualization: 'tiles'
        tileSettings: {
          titleContent: {
            columnMatch: 'Measure'
            formatter: 1
          }
          leftContent: {
            columnMatch: 'Value'
            formatter: 12
            formatOptions: {
              palette: 'auto'
            }
          }
          showBorder: true
          sortCriteriaField: 'Order'
          sortOrderField: 1
        }
      }
      name: 'now'
    }
    {
      type: 3
      content: {
        version: 'KqlItem/1.0'
        query: loadTextContent('../kql/workbook/live.kql')
        title: 'Under way'
        size: 0
        timeContextFromParameter: 'TimeRange'
        queryType: 0
        resourceType: 'microsoft.operationalinsights/workspaces'
        crossComponentResources: [workspaceId]
        visualization: 'timechart'
      }
      name: 'live'
    }
    {
      type: 3
      content: {
        version: 'KqlItem/1.0'
        query: loadTextContent('../kql/workbook/waiting.kql')
        title: 'What moves, and what waits for what'
        size: 0
        timeContextFromParameter: 'TimeRange'
        queryType: 0
        resourceType: 'microsoft.operationalinsights/workspaces'
        crossComponentResources: [workspaceId]
        visualization: 'table'
      }
      name: 'waiting'
    }
    {
      type: 3
      content: {
        version: 'KqlItem/1.0'
        query: loadTextContent('../kql/workbook/waits.kql')
        title: 'Minutes waited, by cause'
        size: 0
        timeContextFromParameter: 'TimeRange'
        queryType: 0
        resourceType: 'microsoft.operationalinsights/workspaces'
        crossComponentResources: [workspaceId]
        visualization: 'timechart'
      }
      name: 'waits'
    }
    {
      type: 3
      content: {
        version: 'KqlItem/1.0'
        query: loadTextContent('../kql/workbook/failures.kql')
        title: 'What did not become an attachment'
        size: 0
        timeContextFromParameter: 'TimeRange'
        queryType: 0
        resourceType: 'microsoft.operationalinsights/workspaces'
        crossComponentResources: [workspaceId]
        visualization: 'table'
      }
      name: 'failures'
    }
    {
      type: 3
      content: {
        version: 'KqlItem/1.0'
        query: loadTextContent('../kql/workbook/surprises.kql')
        title: 'What was survived'
        size: 0
        timeContextFromParameter: 'TimeRange'
        queryType: 0
        resourceType: 'microsoft.operationalinsights/workspaces'
        crossComponentResources: [workspaceId]
        visualization: 'table'
      }
      name: 'surprises'
    }
    {
      type: 3
      content: {
        version: 'KqlItem/1.0'
        query: loadTextContent('../kql/workbook/durations.kql')
        title: 'How long files take'
        size: 0
        timeContextFromParameter: 'TimeRange'
        queryType: 0
        resourceType: 'microsoft.operationalinsights/workspaces'
        crossComponentResources: [workspaceId]
        visualization: 'table'
      }
      name: 'durations'
    }
    {
      type: 3
      content: {
        version: 'KqlItem/1.0'
        query: loadTextContent('../kql/workbook/throttling.kql')
        title: 'What throttling costs'
        size: 0
        timeContextFromParameter: 'TimeRange'
        queryType: 0
        resourceType: 'microsoft.operationalinsights/workspaces'
        crossComponentResources: [workspaceId]
        visualization: 'table'
      }
      name: 'throttling'
    }
    {
      type: 3
      content: {
        version: 'KqlItem/1.0'
        query: loadTextContent('../kql/workbook/uploads.kql')
        title: 'Uploads: click one to see its trace'
        size: 0
        timeContextFromParameter: 'TimeRange'
        queryType: 0
        resourceType: 'microsoft.operationalinsights/workspaces'
        crossComponentResources: [workspaceId]
        visualization: 'table'
        exportFieldName: 'Upload'
        exportParameterName: 'Upload'
        gridSettings: {
          filter: true
          rowLimit: 1000
        }
      }
      name: 'uploads'
    }
    {
      type: 3
      content: {
        version: 'KqlItem/1.0'
        query: loadTextContent('../kql/workbook/trace.kql')
        title: 'Its trace: invocations, requests, events, and what the host told of an invocation that failed'
        size: 0
        timeContextFromParameter: 'TimeRange'
        queryType: 0
        resourceType: 'microsoft.operationalinsights/workspaces'
        crossComponentResources: [workspaceId]
        visualization: 'table'
        gridSettings: {
          rowLimit: 1000
          formatters: [
            {
              columnMatch: 'Id|ParentId'
              formatter: 5
            }
          ]
          hierarchySettings: {
            treeType: 0
            idColumn: 'Id'
            parentColumn: 'ParentId'
            expanderColumn: 'Name'
            expandTopLevel: true
          }
        }
      }
      conditionalVisibility: {
        parameterName: 'Upload'
        comparison: 'isNotEqualTo'
      }
      name: 'trace'
    }
    {
      type: 3
      content: {
        version: 'KqlItem/1.0'
        query: loadTextContent('../kql/workbook/steps.kql')
        title: 'Its steps'
        size: 0
        timeContextFromParameter: 'TimeRange'
        queryType: 0
        resourceType: 'microsoft.operationalinsights/workspaces'
        crossComponentResources: [workspaceId]
        visualization: 'table'
      }
      conditionalVisibility: {
        parameterName: 'Upload'
        comparison: 'isNotEqualTo'
      }
      name: 'steps'
    }
  ]
  fallbackResourceIds: [componentId]
}

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'todo-attach')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'todo-attach'
    category: 'workbook'
    sourceId: componentId
    version: 'Notebook/1.0'
    serializedData: string(content)
  }
}

@description('Resource id of the workbook.')
output id string = workbook.id
