// cert-manager's controllers, webhook, CA injector and start-up check, put together from cert-manager's own packages, and
// a DNS-01 solver for DuckDNS on its webhook server. cert-manager's programs are modules of their own that no registry
// offers; what they are made of is in its library. The name by which this program is called says which part it plays.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cert-manager/cert-manager/internal/cmd/util"
	logf "github.com/cert-manager/cert-manager/pkg/logs"
	ctrl "sigs.k8s.io/controller-runtime"
)

var parts = map[string]func(context.Context) error{
	"controller":      controller,
	"webhook":         webhook,
	"cainjector":      cainjector,
	"startupapicheck": startupapicheck,
}

func main() {
	name := filepath.Base(os.Args[0])
	if name == "duckdns" { // its library looks after signals and logs itself
		duckdns()
		return
	}
	part, known := parts[name]
	if !known {
		fmt.Fprintf(os.Stderr, "%s: no part of cert-manager\n", name)
		os.Exit(2)
	}
	ctx, exit := util.SetupExitHandler(context.Background(), util.GracefulShutdown)
	logf.InitLogs()
	ctrl.SetLogger(logf.Log)
	if err := part(logf.NewContext(ctx, logf.Log, name)); err != nil {
		logf.Log.Error(err, "ended", "part", name)
		logf.FlushLogs()
		os.Exit(1)
	}
	logf.FlushLogs()
	exit()
}
