package main

import (
	"context"
	"os"
	"time"

	"github.com/spf13/pflag"
	apiext "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	kube "k8s.io/client-go/kubernetes/scheme"
	apireg "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metrics "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	core "k8s.io/api/core/v1"

	cmwebhook "github.com/cert-manager/cert-manager/internal/webhook"
	cm "github.com/cert-manager/cert-manager/pkg/client/clientset/versioned/scheme"
	injector "github.com/cert-manager/cert-manager/pkg/controller/cainjector"
	logf "github.com/cert-manager/cert-manager/pkg/logs"
	"github.com/cert-manager/cert-manager/pkg/util"
	"github.com/cert-manager/cert-manager/pkg/util/cmapichecker"
	"github.com/cert-manager/cert-manager/pkg/webhook/options"
)

// webhook checks and completes cert-manager's objects before the API server takes them.
func webhook(ctx context.Context) error {
	c, err := options.NewWebhookConfiguration()
	if err != nil {
		return err
	}
	flags := pflag.NewFlagSet("webhook", pflag.ContinueOnError)
	options.AddConfigFlags(flags, c)
	if err := flags.Parse(os.Args[1:]); err != nil {
		return err
	}
	if err := logf.ValidateAndApply(&c.Logging); err != nil {
		return err
	}
	server, err := cmwebhook.NewCertManagerWebhookServer(logf.FromContext(ctx), *c)
	if err != nil {
		return err
	}
	return server.Run(ctx)
}

// cainjector writes the authorities of webhooks and API services into what calls them.
func cainjector(ctx context.Context) error {
	flags := pflag.NewFlagSet("cainjector", pflag.ContinueOnError)
	flags.String("v", "", "")
	flags.String("leader-election-namespace", "", "") // one replica: nothing to elect
	metricsAddress := flags.String("metrics-listen-address", "0.0.0.0:9402", "")
	if err := flags.Parse(os.Args[1:]); err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{kube.AddToScheme, cm.AddToScheme, apiext.AddToScheme, apireg.AddToScheme} {
		utilruntime.Must(add(scheme))
	}
	manager, err := ctrl.NewManager(util.RestConfigWithUserAgent(ctrl.GetConfigOrDie(), "cainjector"), ctrl.Options{
		Scheme:  scheme,
		Cache:   cache.Options{ReaderFailOnMissingInformer: true},
		Client:  client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&core.Secret{}}}},
		Metrics: metrics.Options{BindAddress: *metricsAddress},
	})
	if err != nil {
		return err
	}
	err = injector.RegisterAllInjectors(ctx, manager, injector.SetupOptions{
		EnableCertificatesDataSource: true,
		EnabledReconcilersFor: map[string]bool{
			injector.MutatingWebhookConfigurationName: true, injector.ValidatingWebhookConfigurationName: true,
			injector.APIServiceName: true, injector.CustomResourceDefinitionName: true,
		},
	})
	if err != nil {
		return err
	}
	return manager.Start(ctx)
}

// startupapicheck waits until the webhook answers: the chart's install hook, "check api --wait=1m".
func startupapicheck(ctx context.Context) error {
	flags := pflag.NewFlagSet("startupapicheck", pflag.ContinueOnError)
	wait := flags.Duration("wait", 0, "")
	flags.BoolP("verbose", "v", false, "")
	if err := flags.Parse(os.Args[1:]); err != nil {
		return err
	}
	checker, err := cmapichecker.New(ctrl.GetConfigOrDie(), os.Getenv("POD_NAMESPACE"))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, *wait)
	defer cancel()
	for {
		if err = checker.Check(ctx); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Second):
		}
	}
}
