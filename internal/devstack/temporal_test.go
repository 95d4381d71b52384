package devstack

import (
	"bytes"
	"net"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
)

func TestStartTemporal(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	var log bytes.Buffer
	server, err := StartTemporal(ctx, TemporalOptions{
		Namespace: "billing",
		SearchAttributes: []temporal.SearchAttributeKey{
			temporal.NewSearchAttributeKeyKeyword("OffsessionState"),
			temporal.NewSearchAttributeKeyTime("OffsessionNextActionAt"),
			temporal.NewSearchAttributeKeyInt64("OffsessionAmount"),
		},
		Log: &log,
	})
	require.NoError(t, err, &log)
	t.Cleanup(func() { _ = server.Stop() })
	require.Empty(t, server.UIURL)

	c, err := client.Dial(client.Options{HostPort: server.Address, Namespace: server.Namespace, Logger: silent{}})
	require.NoError(t, err)
	defer c.Close()
	attributes, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: "billing"})
	require.NoError(t, err)
	require.Equal(t, enums.INDEXED_VALUE_TYPE_KEYWORD, attributes.GetCustomAttributes()["OffsessionState"])
	require.Equal(t, enums.INDEXED_VALUE_TYPE_DATETIME, attributes.GetCustomAttributes()["OffsessionNextActionAt"])
	require.Equal(t, enums.INDEXED_VALUE_TYPE_INT, attributes.GetCustomAttributes()["OffsessionAmount"])

	described, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: "billing"})
	require.NoError(t, err)
	require.Equal(t, retention, described.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration())

	_, err = StartTemporal(ctx, TemporalOptions{Address: server.Address})
	require.ErrorContains(t, err, "port of the Temporal server: ")
	require.ErrorContains(t, err, server.Address)
	_, port, err := net.SplitHostPort(server.Address)
	require.NoError(t, err)
	taken, err := strconv.Atoi(port)
	require.NoError(t, err)
	_, err = StartTemporal(ctx, TemporalOptions{UIPort: taken})
	require.ErrorContains(t, err, "port of the Temporal UI: ")

	require.NoError(t, server.Stop())
	select {
	case <-server.Done():
	default:
		require.Fail(t, "Stop returned before the server was gone")
	}
	_, err = c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: "billing"})
	require.Error(t, err)
	require.NoError(t, server.Stop(), "a second Stop does nothing")
}

func TestStartTemporalReportsAServerThatEnds(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	_, err := StartTemporal(t.Context(), TemporalOptions{
		DBFile: filepath.Join(t.TempDir(), "no such folder", "temporal.db"),
		Log:    &log,
	})
	require.ErrorIs(t, err, errExited)
	require.NotEmpty(t, log.String())
}

func TestTemporalThatDiesIsNoticed(t *testing.T) {
	t.Parallel()
	server, err := StartTemporal(t.Context(), TemporalOptions{})
	require.NoError(t, err)
	require.NoError(t, server.cmd.Process.Kill())
	<-server.Done()
	require.ErrorIs(t, server.Stop(), errExited)
}

func TestStartTemporalRefusesABadAddress(t *testing.T) {
	t.Parallel()
	_, err := StartTemporal(t.Context(), TemporalOptions{Path: "unused", Address: "localhost"})
	require.ErrorContains(t, err, "missing port in address")
}
